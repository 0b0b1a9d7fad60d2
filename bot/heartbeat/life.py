"""One thread of the heartbeat's writer, and what it is at."""

from __future__ import annotations

import threading


class Life:
    """One thread of the writer, from its start until it ends or is given up."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.doing = "resting"  # the source being asked, "writing", or "resting"
        self.steps = 0
        self.thread: threading.Thread | None = None

    def does(self, what: str) -> None:
        """Note what comes next; a thread that notes nothing for long is stuck in it."""
        self.doing = what
        self.steps += 1

    def is_alive(self) -> bool:
        """Answer whether the thread runs."""
        return self.thread is not None and self.thread.is_alive()
