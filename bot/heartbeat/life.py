"""One thread of the heartbeat's writer, and what it is at."""

from __future__ import annotations

import threading


class Life:
    """One thread of the writer, from its start until it ends or is given up."""

    def __init__(self) -> None:
        self.over, self.awake = threading.Event(), threading.Event()
        self.doing = "resting"  # the source being asked, "writing", or "resting"
        self.steps = 0
        self.thread: threading.Thread | None = None

    def does(self, what: str) -> None:
        """Note what comes next; a thread that notes nothing for long is stuck in it."""
        self.doing = what
        self.steps += 1

    def end(self) -> None:
        """Let the thread end as soon as it rests."""
        self.over.set()
        self.awake.set()

    def rest(self, pause_s: float) -> None:
        """Wait *pause_s* seconds, or until somebody wakes the thread."""
        self.awake.wait(pause_s)
        self.awake.clear()

    def is_alive(self) -> bool:
        """Answer whether the thread runs."""
        return self.thread is not None and self.thread.is_alive()
