"""A deadline for a task that somebody else started: cancels it, and knows that it did."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

MAX_FRAMES = 20


class Deadline:
    """Cancel *task* once when *limit_s* is over; *on_expiry* hears of it.

    discord.py's commands swallow `CancelledError`, so only the deadline itself knows whether a
    handler was stopped: see `expired`.
    """

    def __init__(
        self, task: asyncio.Task[Any], *, limit_s: float, on_expiry: Callable[[], None]
    ) -> None:
        self.expired = False
        self._task, self._on_expiry = task, on_expiry
        self._timer = task.get_loop().call_later(limit_s, self._expire)

    def _expire(self) -> None:
        if self._task.done():
            return
        self.expired = True
        self._task.cancel("command deadline")
        self._on_expiry()  # the task runs on in a later turn only: it still shows where it waits

    def disarm(self) -> None:
        """The handler has ended; takes back the cancellation it may have swallowed."""
        self._timer.cancel()
        if self.expired and not self._task.done():
            self._task.uncancel()


def where_it_waits(task: asyncio.Task[Any]) -> list[str]:
    """Answer where *task* is suspended, outermost first: ``file:line function``.

    `Task.get_stack` knows the outermost frame only; what a handler waits for lies further in.
    """
    lines: list[str] = []
    awaited: Any = task.get_coro()
    while awaited is not None and len(lines) < MAX_FRAMES:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            lines.append(f"{os.path.basename(code.co_filename)}:{frame.f_lineno} {code.co_name}")
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return lines
