"""One job of the priority queue: what it is, how far it came, and how its end is heard of."""

from __future__ import annotations

import asyncio
import enum
import functools
import inspect
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, NewType, TypeVar

from bot.errors import BotError, PermanentError

T = TypeVar("T")
JobId = NewType("JobId", int)
Status = Literal["queued", "running", "retrying", "done", "failed", "cancelled"]
FINISHED: frozenset[Status] = frozenset({"done", "failed", "cancelled"})


class Priority(enum.IntEnum):
    """The smaller one goes first; any other integer will do as well."""

    HIGH = 0
    NORMAL = 10
    LOW = 20


class QueueFullError(BotError):
    """So many jobs wait already; *size* is the limit. Try again later."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"job queue is full: {size} jobs wait; try again later")


class QueueClosedError(BotError):
    """The queue takes no more jobs: it has not begun, or the bot is stopping."""

    def __init__(self) -> None:
        super().__init__("job queue is closed: it takes jobs only while the bot runs")


class JobCancelledError(BotError):
    """The job was cancelled before it had a result."""

    def __init__(self, job_id: JobId, name: str, reason: str) -> None:
        self.job_id, self.name, self.reason = job_id, name, reason
        super().__init__(f"job {job_id} ({name}) was cancelled: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What is remembered of a job; *error* names the kind of its failure, never its text."""

    id: JobId
    name: str
    priority: int
    status: Status
    attempts: int
    waited_s: float
    ran_s: float
    error: str | None = None


class Job(Generic[T]):
    """A job that was submitted; made by `JobQueue.submit` only.

    Attributes:
        id: Unique within its queue, counting up.
        attempts: How often it was begun.
    """

    def __init__(
        self,
        *,
        job_id: JobId,
        fn: Callable[[], Awaitable[T]],
        name: str,
        priority: int,
        timeout_s: float | None,
        retries: int,
        retry_on: tuple[type[Exception], ...],
        submitted_at_s: float,
        on_cancel: Callable[[Job[T]], bool],
    ) -> None:
        self.id, self.name, self.priority = job_id, name, priority
        self.timeout_s, self.retries, self.attempts = timeout_s, retries, 0
        self.fn, self.retry_on = fn, retry_on
        self.submitted_at_s = submitted_at_s
        self.began_at_s: float | None = None
        self.ended_at_s: float | None = None
        self.cancelling: asyncio.Future[None] | None = None  # of the attempt that runs
        self.retry_timer: asyncio.TimerHandle | None = None
        self._status: Status = "queued"
        self._result: T | None = None
        self._error: BaseException | None = None
        self._finished = asyncio.Event()
        self._on_cancel = on_cancel

    @property
    def status(self) -> Status:
        """How far it came."""
        return self._status

    @property
    def finished(self) -> bool:
        """Whether it will not change any more."""
        return self._status in FINISHED

    @property
    def error(self) -> BaseException | None:
        """Why it failed or was cancelled; None otherwise."""
        return self._error

    def cancel(self) -> bool:
        """Cancel it, queued or running; answers whether there was something to cancel."""
        return self._on_cancel(self)

    async def wait(self) -> None:
        """Wait for the end, whatever it is."""
        await self._finished.wait()

    async def result(self) -> T:
        """Wait for the end and answer what the job returned.

        To stop waiting early, cancel the one who waits: the job goes on.

        Raises:
            JobCancelledError: it was cancelled, or the queue was closed before it ended.
            TimeoutError: it took longer than its *timeout_s* in its last attempt.
            Exception: what the last attempt raised.
        """
        await self._finished.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # without an error it was set

    def timed_out(self) -> TimeoutError:
        """Answer the error for an attempt that took too long."""
        return TimeoutError(f"job {self.id} ({self.name}) took longer than {self.timeout_s:g} s")

    def move(self, status: Literal["queued", "running", "retrying"]) -> None:
        """Note a step that is not the last one; for the queue."""
        self._status = status

    def finish(
        self,
        status: Literal["done", "failed", "cancelled"],
        *,
        now_s: float,
        result: T | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Note the end and wake those who wait for it; for the queue."""
        self._status, self._result, self._error = status, result, error
        self.ended_at_s = now_s
        self._finished.set()

    def facts(self) -> dict[str, Any]:
        """Answer what a log record says of it."""
        return {"job": self.id, "name": self.name[:100], "attempt": self.attempts}

    def record(self, now_s: float) -> JobRecord:
        """Answer what may be remembered."""
        until_s = now_s if self.ended_at_s is None else self.ended_at_s
        began_s = until_s if self.began_at_s is None else self.began_at_s
        return JobRecord(
            id=self.id,
            name=self.name,
            priority=self.priority,
            status=self._status,
            attempts=self.attempts,
            waited_s=round(began_s - self.submitted_at_s, 3),
            ran_s=round(until_s - began_s, 3),
            error=None if self._error is None else type(self._error).__name__,
        )


AnyJob = Job[Any]


def may_retry(job: AnyJob, error: BaseException) -> bool:
    """Answer whether another attempt is allowed and may help after *error*."""
    if job.attempts > job.retries or isinstance(error, PermanentError):
        return False
    return isinstance(error, job.retry_on)


def name_of(fn: Callable[..., object]) -> str:
    """Answer the name of a function, through `functools.partial`."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return getattr(fn, "__qualname__", None) or type(fn).__name__


def check_arguments(fn: object, timeout_s: float | None, retries: int) -> None:
    """Refuse what can't become a job; a coroutine is closed.

    Raises:
        ValueError: says which argument and why.
    """
    if inspect.iscoroutine(fn):
        fn.close()
        raise ValueError("submit the function, not its coroutine: functools.partial(fn, argument)")
    if not callable(fn):
        raise ValueError(f"a job must be callable, not {type(fn).__name__}")
    if timeout_s is not None and not 0 < timeout_s < math.inf:
        raise ValueError(f"timeout_s must be above 0, not {timeout_s}")
    if retries < 0:
        raise ValueError(f"retries must be 0 or more, not {retries}")
