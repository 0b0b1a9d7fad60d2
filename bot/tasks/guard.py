"""Guards of the event loop: a start inside a running one, a foreign future, a blocked callback."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import structlog

from bot.errors import BotError
from bot.tasks import stacks

log = structlog.get_logger(__name__)

PULSE_INTERVAL_S = 0.1  # of `bot.heartbeat.pulse.LoopPulse`
LOOK_AGAIN_S = 0.02  # how exactly the end of a block is seen
JOIN_TIMEOUT_S = 1.0


class RunningLoopError(BotError, RuntimeError):
    """Something that starts an event loop was called inside a running one."""


class ForeignLoopError(BotError, RuntimeError):
    """A task or future of another event loop was handed over."""


def refuse_running_loop(what: str, *, instead: str = "") -> None:
    """Refuse to go on inside a running event loop; call it first in whatever starts a loop.

    Args:
        what: Name of the function that was called.
        instead: What to await in its place; *what* itself if not given.

    Raises:
        RunningLoopError: a loop runs in this thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RunningLoopError(
        f"{what} was called inside a running event loop; await {instead or what} instead, "
        "or call it from a thread without a loop"
    )


def check_loop(future: asyncio.Future[Any]) -> None:
    """Refuse a task or future of another loop: awaiting it would hang or fail obscurely.

    Raises:
        ForeignLoopError: *future* does not belong to the loop that runs in this thread.
    """
    if future.get_loop() is not asyncio.get_running_loop():
        raise ForeignLoopError(
            f"this {type(future).__name__} belongs to another event loop; hand work over with "
            "Bridge.publish(event), or with asyncio.run_coroutine_threadsafe(coroutine, loop) "
            "and asyncio.wrap_future on what it answers"
        )


def check_thread(loop: asyncio.AbstractEventLoop | None, what: str) -> None:
    """Refuse a call from another thread or loop than *loop*'s own.

    Raises:
        ForeignLoopError: says how to get there.
    """
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if not here:
        raise ForeignLoopError(
            f"{what} was called outside the event loop it belongs to; from a thread use "
            f"Bridge.publish, or loop.call_soon_threadsafe({what}, ...)"
        )


class SlowCallbackWatch:
    """Log the stack of a loop that a callback blocks, once a block, and how long it lasted.

    A thread that sleeps until the age of the loop's pulse could pass the limit at the earliest, so
    that no block over the limit is missed and a healthy loop is looked at about twice a second.

    Attributes:
        blocks: Blocks that were seen.
        longest_s: The longest of them, in seconds.
    """

    def __init__(
        self,
        *,
        age_s: Callable[[], float],
        thread_id: int,
        limit_s: float,
        pulse_interval_s: float = PULSE_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.blocks, self.longest_s = 0, 0.0
        self._age_s, self._thread_id, self._clock = age_s, thread_id, clock
        # The pulse of a healthy loop ages up to its interval: a smaller limit adds to that.
        self._threshold_s = max(limit_s, pulse_interval_s + min(limit_s, pulse_interval_s))
        self._limit_s = limit_s
        self._blocked_since_s: float | None = None
        self._reported = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="slow-callback-watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(JOIN_TIMEOUT_S)
            self._thread = None

    def look(self) -> float:
        """Take one look at the loop; answers the seconds until the next one is due."""
        age_s = self._age_s()
        stamped_at_s = self._clock() - age_s
        if age_s <= self._threshold_s:
            self._freed(stamped_at_s)
            return max(LOOK_AGAIN_S, self._threshold_s - age_s + 0.001)
        if self._blocked_since_s is None:
            self._blocked(stamped_at_s, age_s)
        elif stamped_at_s - self._blocked_since_s > LOOK_AGAIN_S:  # freed, and blocked again
            self._freed(stamped_at_s)
            self._blocked(stamped_at_s, age_s)
        return LOOK_AGAIN_S

    def _blocked(self, since_s: float, age_s: float) -> None:
        self._blocked_since_s = since_s
        # A loop that waits in its selector is not blocked: the machine slept, or had no time for
        # this process. That is no fault of any callback.
        file = stacks.innermost_file(self._thread_id)
        self._reported = file is not None and not file.endswith("selectors.py")
        if self._reported:
            self.blocks += 1
            log.warning(
                "loop.blocked",
                blocked_s=round(age_s, 3),
                limit_s=self._limit_s,
                stack=stacks.format_stack(self._thread_id),
            )

    def _freed(self, stamped_at_s: float) -> None:
        since_s, self._blocked_since_s = self._blocked_since_s, None
        if since_s is None or not self._reported:
            return
        lasted_s = stamped_at_s - since_s
        self.longest_s = max(self.longest_s, lasted_s)
        log.warning("loop.unblocked", blocked_s=round(lasted_s, 3), limit_s=self._limit_s)

    def _run(self) -> None:
        while not self._stopping.wait(self.look()):
            pass
