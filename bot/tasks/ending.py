"""Ending tasks: cancel, wait, cancel once more, and then go on anyway."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any

from bot.tasks.stacks import frame_line

CANCEL_GRACE_S = 5.0  # a task that was cancelled may clean up this long


async def end(
    running: Callable[[], Iterable[asyncio.Future[Any]]],
    timeout_s: float,
    *,
    gently: bool = False,
) -> tuple[asyncio.Future[Any], ...]:
    """Cancel what runs and wait for it; answers what would not stop within *timeout_s* seconds.

    A task that still runs when half of the time is over is cancelled once more: many that swallow
    the first cancellation do so by accident. A caller that is cancelled meanwhile hears of it
    when the wait is over, so that nothing is left behind half ended.

    Args:
        running: Asked again every round, since tasks that clean up may start others.
        gently: Leave alone, until half of the time is over, what somebody has cancelled before: a
            second cancellation would disturb its cleaning up.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + timeout_s
    told: dict[asyncio.Future[Any], int] = {}
    interruption: asyncio.CancelledError | None = None
    waited = False
    while left := tuple(future for future in running() if not future.done()):
        remaining_s = until_s - loop.time()
        for future in left:
            times = told.setdefault(future, 1 if gently and _is_cancelling(future) else 0)
            if times == 0 or (times == 1 and remaining_s <= timeout_s / 2):
                told[future] = times + 1
                future.cancel()
        if remaining_s <= 0 and waited:
            break
        first = any(told[future] == 1 for future in left)
        pause_s = remaining_s - timeout_s / 2 if first else remaining_s
        waited = True
        try:
            await asyncio.wait(left, timeout=max(0.0, pause_s))
        except asyncio.CancelledError as error:
            interruption = error
    if interruption is not None:
        raise interruption
    return left


async def end_these(
    futures: Iterable[asyncio.Future[Any]],
    timeout_s: float = CANCEL_GRACE_S,
    *,
    gently: bool = False,
) -> tuple[asyncio.Future[Any], ...]:
    """Cancel *futures* and wait for them as `end` does."""
    fixed = tuple(futures)
    return await end(lambda: fixed, timeout_s, gently=gently)


def _is_cancelling(future: asyncio.Future[Any]) -> bool:
    return isinstance(future, asyncio.Task) and future.cancelling() > 0


def name_of(future: asyncio.Future[Any]) -> str:
    """Answer a task's name; for a bare future, its kind."""
    return future.get_name() if isinstance(future, asyncio.Task) else type(future).__name__


def work_of(future: asyncio.Future[Any]) -> str:
    """Answer the qualified name of the coroutine that a task runs."""
    coro = future.get_coro() if isinstance(future, asyncio.Task) else None
    return getattr(coro, "__qualname__", None) or type(coro or future).__name__


def where(future: asyncio.Future[Any]) -> str | None:
    """Answer the innermost line at which a task waits, None when it can't be seen."""
    awaited: Any = future.get_coro() if isinstance(future, asyncio.Task) else None
    line = None
    for _ in range(64):
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            break
        line = f"{os.path.basename(frame.f_code.co_filename)}:{frame_line(frame)}"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return line
