"""The priority job queue: work that may wait, done by a few workers in the order of importance."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar

import structlog

from bot.tasks import ending
from bot.tasks.guard import check_thread
from bot.tasks.job import (
    AnyJob,
    Job,
    JobCancelledError,
    JobId,
    JobRecord,
    Priority,
    QueueClosedError,
    QueueFullError,
    check_arguments,
    may_retry,
    name_of,
)
from bot.tasks.manager import TaskManager
from bot.tasks.register import JobRegister
from bot.tasks.schedule import Backoff
from bot.tasks.waiting import WaitingLine
from watchdog.heartbeat import schema

log = structlog.get_logger(__name__)

__all__ = [
    "Job",
    "JobCancelledError",
    "JobId",
    "JobQueue",
    "JobRecord",
    "Priority",
    "QueueClosedError",
    "QueueFullError",
]

T = TypeVar("T")
STOP_GRACE_S = 2.0
STOPPING = "the bot is stopping"


class JobQueue:
    """Run jobs by priority, first come first served within one, *workers* of them at a time.

    Everything but `snapshot` is to be called in the loop. Leaving the ``async with`` block refuses
    new jobs, cancels those that wait or run, and tells whoever awaits them.

    Args:
        size: Jobs that may wait. Retries of admitted jobs wait in addition to them.
    """

    def __init__(
        self,
        *,
        tasks: TaskManager,
        workers: int,
        size: int,
        backoff: Backoff | None = None,
        cancel_grace_s: float = ending.CANCEL_GRACE_S,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        if workers < 1 or size < 1:
            raise ValueError(f"workers and size must be 1 or more, not {workers} and {size}")
        self._tasks, self._number_of_workers, self._size = tasks, workers, size
        self._backoff, self._cancel_grace_s = backoff or Backoff(), cancel_grace_s
        self._clock, self._draw = clock, draw
        self._ids = itertools.count(1)
        self._line = WaitingLine()
        self._register, self._running = JobRegister(), 0
        self._wanted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._open = False

    async def __aenter__(self) -> Self:
        if self._workers:
            raise RuntimeError("this job queue is in use already; make another one")
        self._loop = asyncio.get_running_loop()
        self._workers = [
            self._tasks.create_task(self._work(), name=f"job-worker-{number}")
            for number in range(1, self._number_of_workers + 1)
        ]
        self._open = True
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._close()
        workers, self._workers = self._workers, []
        try:
            await ending.end_these(workers, STOP_GRACE_S + 1.0)
        finally:
            for job in self._register.unfinished():  # a worker that could not see to it
                self._cancelled(job, STOPPING)

    def submit(
        self,
        fn: Callable[[], Awaitable[T]],
        *,
        priority: int = Priority.NORMAL,
        timeout_s: float | None = None,
        retries: int = 0,
        name: str | None = None,
        retry_on: tuple[type[Exception], ...] = (Exception,),
    ) -> Job[T]:
        """Queue ``await fn()``; answers the job at once.

        Args:
            fn: Called once for each attempt; `functools.partial` carries arguments.
            priority: The smaller one goes first.
            timeout_s: For one attempt; it is cancelled then, which counts as a failure.
            retries: Further attempts after failures, with a growing pause before each.
            retry_on: Errors that another attempt may mend; a `PermanentError` is never retried.

        Raises:
            QueueFullError: too many jobs wait.
            QueueClosedError: the queue is not open.
            ValueError: *fn* can't be called, *timeout_s* or *retries* make no sense.
        """
        check_arguments(fn, timeout_s, retries)
        if not self._open:
            raise QueueClosedError
        check_thread(self._loop, "JobQueue.submit")
        if len(self._line) >= self._size:
            raise QueueFullError(self._size)
        job = Job(
            job_id=JobId(next(self._ids)),
            fn=fn,
            name=name or name_of(fn),
            priority=int(priority),
            timeout_s=timeout_s,
            retries=retries,
            retry_on=retry_on,
            submitted_at_s=self._clock(),
            on_cancel=self._cancel,
        )
        self._register.add(job)
        self._enqueue(job)
        return job

    def find(self, job_id: JobId) -> JobRecord | None:
        """Answer how far a job came; None if it never was or is forgotten."""
        return self._register.find(job_id, now_s=self._clock())

    def cancel(self, job_id: JobId) -> bool:
        """Cancel a job, queued or running; answers whether there was one to cancel."""
        job = self._register.get(job_id)
        return job is not None and self._cancel(job)

    @property
    def history(self) -> tuple[JobRecord, ...]:
        """The last finished jobs, oldest first; a bounded number."""
        return self._register.history()

    async def join(self) -> None:
        """Wait until no job is left unfinished."""
        while unfinished := self._register.unfinished():
            await unfinished[0].wait()

    def snapshot(self) -> schema.Jobs:
        """Answer the counts; from any thread. Jobs that wait for their retry count as queued."""
        running = self._running
        return schema.Jobs(
            queued=max(0, len(self._register) - running),
            running=running,
            done=self._register.done,
            failed=self._register.failed,
        )

    def _enqueue(self, job: AnyJob) -> None:
        job.retry_timer = None
        self._line.push(job)
        self._wanted.set()

    async def _next(self) -> AnyJob:
        while (job := self._line.pop()) is None:
            self._wanted.clear()
            await self._wanted.wait()
        return job

    # Running

    async def _work(self) -> None:
        try:
            while True:
                job = await self._next()
                self._running += 1
                try:
                    await self._attempt(job)
                finally:
                    self._running -= 1
        finally:
            if self._open:  # cancelled by somebody else: nothing may wait for a worker in vain
                self._close()

    async def _attempt(self, job: AnyJob) -> None:
        job.attempts += 1
        if job.began_at_s is None:
            job.began_at_s = self._clock()
        job.cancelling = asyncio.get_running_loop().create_future()
        # User code runs in a task of its own: whatever it does, the worker lives.
        task = self._tasks.create_task(_call(job.fn), name=f"job: {job.name}")
        try:
            await asyncio.wait(
                (task, job.cancelling),
                timeout=job.timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            timed_out = not task.done() and not job.cancelling.done()
            await self._end(job, task, self._cancel_grace_s)
        except asyncio.CancelledError:
            await self._end(job, task, STOP_GRACE_S)
            self._settle(job, task, cancelled=STOPPING, timed_out=False)
            raise
        cancelled = "asked for" if job.cancelling.done() else None
        self._settle(job, task, cancelled=cancelled, timed_out=timed_out)

    async def _end(self, job: AnyJob, task: asyncio.Task[Any], grace_s: float) -> None:
        try:
            await ending.end_these((task,), grace_s, gently=True)
        finally:
            if not task.done():
                log.error("job.not_stopped", waiting_at=ending.where(task), **job.facts())

    def _settle(
        self, job: AnyJob, task: asyncio.Task[Any], *, cancelled: str | None, timed_out: bool
    ) -> None:
        ended = task.done() and not task.cancelled()
        error = task.exception() if ended else None
        if ended and error is None:  # at last, or in spite of everything
            self._register.finish(job, "done", now_s=self._clock(), result=task.result())
        elif cancelled is not None:
            self._cancelled(job, cancelled, error)
        elif error is not None:
            self._failed_once(job, error, again=True)
        elif timed_out:
            # Not again while the attempt still runs: two at a time were never asked for.
            self._failed_once(job, job.timed_out(), again=task.done())
        else:
            self._cancelled(job, "by its own code")

    def _failed_once(self, job: AnyJob, error: BaseException, *, again: bool) -> None:
        if not (again and self._open and may_retry(job, error)):
            log.error("job.failed", error=type(error).__name__, exc_info=error, **job.facts())
            self._register.finish(job, "failed", now_s=self._clock(), error=error)
            return
        delay_s = self._backoff.delay_s(job.attempts, draw=self._draw())
        job.move("retrying")
        loop = asyncio.get_running_loop()
        job.retry_timer = loop.call_later(delay_s, self._enqueue, job)
        log.warning(
            "job.postponed",
            error=type(error).__name__,
            delay_s=round(delay_s, 3),
            **job.facts(),
        )

    def _cancel(self, job: AnyJob) -> bool:
        if job.finished:
            return False
        if job.status == "running":
            if job.cancelling is None or job.cancelling.done():
                return False
            job.cancelling.set_result(None)
            return True
        self._cancelled(job, "asked for")
        return True

    def _cancelled(self, job: AnyJob, why: str, error: BaseException | None = None) -> None:
        log.info("job.cancelled", reason=why, exc_info=error, **job.facts())
        if job.status == "queued":
            self._line.left(job)
        if job.retry_timer is not None:
            job.retry_timer.cancel()
        cancelled = JobCancelledError(job.id, job.name, why)
        cancelled.__cause__ = error
        self._register.finish(job, "cancelled", now_s=self._clock(), error=cancelled)

    def _close(self) -> None:
        self._open = False
        for job in self._register.unfinished():
            if job.status != "running":
                self._cancelled(job, STOPPING)


async def _call(fn: Callable[[], Awaitable[T]]) -> T:
    return await fn()
