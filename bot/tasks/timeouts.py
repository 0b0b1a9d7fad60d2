"""Time limits that can be trusted, in place of `asyncio.wait_for` and `asyncio.timeout`.

The awaitable runs in the task that asks, exactly as if it were awaited without a limit: context
variables, cancellation and the order of events stay the same, and a result that comes in the same
turn of the loop as a cancellation is not lost between two tasks. When time is over it is cancelled
**and awaited**: once `TimeoutError` is raised, nothing of it runs any more.

The price: what refuses to be cancelled holds its caller, as with any `await`. It is cancelled again
after `CANCEL_GRACE_S`, then after twice as long and so on, each time with a `timeout.refused` in
the log that says at which line it waits.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Coroutine
from typing import Any, Generic, TypeVar, overload

import structlog

from bot.tasks import ending
from bot.tasks.guard import check_loop

log = structlog.get_logger(__name__)

T = TypeVar("T")
D = TypeVar("D")
CANCEL_GRACE_S = 10.0


def with_timeout(awaitable: Awaitable[T], timeout_seconds: float) -> Coroutine[Any, Any, T]:
    """Await *awaitable* for at most *timeout_seconds*; works outside a task as well.

    A task or future that is handed over is cancelled too when time is over or the caller is
    cancelled; `asyncio.shield` keeps it. What ends in spite of its cancellation keeps its result
    or its exception, as with `asyncio.timeout`.

    Args:
        awaitable: A coroutine, task, future, or any object with ``__await__``.
        timeout_seconds: 0 never starts a coroutine; `math.inf` sets no limit.

    Raises:
        TimeoutError: time is over; says what took too long.
        ValueError: *timeout_seconds* is no number, NaN or negative; a coroutine is closed.
        TypeError: *awaitable* is nothing that can be awaited.
        ForeignLoopError: a task or future belongs to another event loop.
    """
    work: _Work[T] = _Work(awaitable)
    return _limited(work, _Limit(work.name, work.checked(timeout_seconds)))


@overload
def wait_for_safe(awaitable: Awaitable[T], timeout: float) -> Coroutine[Any, Any, T | None]: ...
@overload
def wait_for_safe(
    awaitable: Awaitable[T], timeout: float, default: D
) -> Coroutine[Any, Any, T | D]: ...
def wait_for_safe(
    awaitable: Awaitable[T], timeout: float, default: D | None = None
) -> Coroutine[Any, Any, T | D | None]:
    """Await *awaitable* as `with_timeout` does, but answer *default* when time is over.

    For waiting on people, such as ``wait_for_safe(bot.wait_for("message"), 60)``. Only its own
    time limit leads to *default*: a `TimeoutError` of *awaitable* itself is raised.
    """
    work: _Work[T] = _Work(awaitable)
    return _answering(work, _Limit(work.name, work.checked(timeout)), default)


async def _answering(work: _Work[T], limit: _Limit, default: D | None) -> T | D | None:
    try:
        return await _limited(work, limit)
    except TimeoutError as error:
        if error is limit.error:
            return default
        raise


async def _limited(work: _Work[T], limit: _Limit) -> T:
    if asyncio.current_task() is None:
        return await _in_own_task(_limited(work, limit), work.name)
    if isinstance(work.awaitable, asyncio.Future):
        check_loop(work.awaitable)
        return await _limited_future(work.awaitable, limit)
    if limit.limit_s == 0:
        work.close()
        raise limit.over()
    with limit:
        return await work.begin()


async def _limited_future(future: asyncio.Future[T], limit: _Limit) -> T:
    with limit:
        try:
            return await future
        except asyncio.CancelledError:
            # It may have ended in the very turn in which we were cancelled. A future keeps its
            # result for whoever has it, but its exception now counts as taken: let it be seen.
            if not future.done() or future.cancelled():
                raise
            if limit.alone_cancelled():
                return future.result()  # just in time
            failure = future.exception()
            if failure is not None:
                log.warning(
                    "timeout.failure_dropped", task=ending.name_of(future), exc_info=failure
                )
            raise


async def _in_own_task(coro: Coroutine[Any, Any, T], name: str) -> T:
    """Run *coro* as a task, for a caller that is none: `asyncio` cancels tasks only."""
    task = asyncio.get_running_loop().create_task(coro, name=name)
    try:
        return await task
    except asyncio.CancelledError:
        if not task.done():  # the caller was cancelled, not the task
            task.cancel()
            await asyncio.wait((task,))
        raise
    finally:
        task.cancel()


class _Work(Generic[T]):
    """What is to be awaited; closes a coroutine that in the end nobody began."""

    def __init__(self, awaitable: Any) -> None:
        self.awaitable: Awaitable[T] = awaitable
        self._begun = False
        if not inspect.isawaitable(awaitable):
            hint = "; call it first" if callable(awaitable) else ""
            raise TypeError(f"{type(awaitable).__name__} can't be awaited{hint}")
        if isinstance(awaitable, asyncio.Future):
            self.name = f"{ending.name_of(awaitable)} ({ending.work_of(awaitable)})"
        else:
            self.name = getattr(awaitable, "__qualname__", None) or type(awaitable).__name__

    def checked(self, timeout_s: object) -> float:
        """Answer the limit as a number; closes the coroutine before it refuses.

        Raises:
            ValueError: it is no number, NaN or negative.
        """
        try:
            if type(timeout_s) is bool or not isinstance(timeout_s, (int, float)):
                raise ValueError("is not a number")
            limit_s = float(timeout_s)
            if not limit_s >= 0:
                raise ValueError("is not 0 or more")
        except (ValueError, OverflowError) as error:
            self.close()
            raise ValueError(
                f"the timeout of {self.name} must be seconds, 0 or more, not {timeout_s!r:.40}"
            ) from error
        return limit_s

    def begin(self) -> Awaitable[T]:
        """Answer the awaitable, which is awaited at once."""
        self._begun = True
        return self.awaitable

    def close(self) -> None:
        """Close a coroutine that was not begun, so that Python does not miss its await."""
        if not self._begun and isinstance(self.awaitable, Coroutine):
            self.awaitable.close()
        self._begun = True

    def __del__(self) -> None:
        self.close()


class _Limit:
    """A deadline around a block of the current task, with `asyncio`'s count of cancellations.

    Attributes:
        limit_s: Seconds; may be infinite.
        error: The `TimeoutError` that this limit raised, None before.
    """

    def __init__(self, what: str, limit_s: float) -> None:
        self.limit_s = limit_s
        self.error: TimeoutError | None = None
        self._what, self._expiries, self._cancels = what, 0, 0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task")
        self._task, self._cancelling_before = task, task.cancelling()
        if self.limit_s < math.inf:
            self._timer = task.get_loop().call_later(self.limit_s, self._expire)

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        alone = self.alone_cancelled()
        for _ in range(self._cancels):
            self._task.uncancel()
        if alone and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self.over() from (error if isinstance(error, BaseException) else None)

    def alone_cancelled(self) -> bool:
        """Answer whether the task was cancelled, and by this limit alone."""
        by_others = self._task.cancelling() - self._cancels - self._cancelling_before
        return self._cancels > 0 and by_others <= 0

    def over(self) -> TimeoutError:
        """Answer the error that says so."""
        self.error = TimeoutError(f"{self._what} took longer than {self.limit_s:g} s")
        return self.error

    def _expire(self) -> None:
        self._expiries += 1
        pause_s = CANCEL_GRACE_S * 2 ** min(self._expiries - 1, 10)
        self._timer = self._task.get_loop().call_later(pause_s, self._expire)
        if self._expiries > 1:
            log.warning(
                "timeout.refused",
                what=self._what[:100],
                limit_s=self.limit_s,
                expiries=self._expiries,
                waiting_at=ending.where(self._task),
            )
        elif self._task.cancelling() > self._cancelling_before:
            return  # somebody cancelled it already; a second time would disturb its cleaning up
        self._cancels += 1
        self._task.cancel(f"{self._what} timed out")
