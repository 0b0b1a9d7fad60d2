"""Steps that are repeated for as long as a block lasts, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Self

import structlog

from bot.tasks import ending
from bot.tasks.manager import TaskManager
from bot.tasks.schedule import Backoff, next_due_s

log = structlog.get_logger(__name__)

STOP_GRACE_S = 3.0


class Periodic:
    """Call *step* every *interval_s* seconds while the ``async with`` block lasts.

    Each step is a task of its own under *name*, so that its failure is isolated and its durations
    are in the task statistics. Steps never overlap; the first one runs at once. They begin on a
    grid counted from the start, without drift; what is missed is skipped. Failures in a row are
    followed by a growing pause, rounded up to the grid.

    Attributes:
        runs: Steps that ended.
        failures: Failures in a row, 0 after a success.
        last_success_at_s: Monotonic time of the last success, None before the first.
    """

    def __init__(
        self,
        *,
        name: str,
        step: Callable[[], Awaitable[object]],
        interval_s: float,
        tasks: TaskManager,
        timeout_s: float | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        if not 0 < interval_s < float("inf"):
            raise ValueError(f"{name}: interval_s must be above 0, not {interval_s}")
        if timeout_s is not None and not timeout_s > 0:
            raise ValueError(f"{name}: timeout_s must be above 0, not {timeout_s}")
        self.name, self.runs, self.failures = name, 0, 0
        self.last_success_at_s: float | None = None
        self._step, self._interval_s, self._timeout_s = step, interval_s, timeout_s
        self._tasks, self._backoff = tasks, backoff or Backoff()
        self._clock, self._draw = clock, draw
        self._start_s = self._not_before_s = clock()
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError(f"{self.name} is running already")
        self._start_s = self._not_before_s = self._clock()
        self._runner = self._tasks.create_task(self._run(), name=f"{self.name}-schedule")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        runner, self._runner = self._runner, None
        if runner is None:
            return
        await ending.end_these((runner,), STOP_GRACE_S + 1.0)

    def age_s(self) -> float | None:
        """Answer the seconds since the last success, None before the first."""
        at_s = self.last_success_at_s
        return None if at_s is None else self._clock() - at_s

    async def tick(self) -> bool:
        """Run one step; answers whether it succeeded. Its failure is logged, not raised."""
        task = self._tasks.create_task(self._call(), name=self.name)
        try:
            done, _ = await asyncio.wait((task,), timeout=self._timeout_s)
            if not done:
                await ending.end_these((task,))
        except asyncio.CancelledError:
            await self._stop(task)
            raise
        self.runs += 1
        if done and not task.cancelled() and task.exception() is None:
            self.failures, self.last_success_at_s = 0, self._clock()
            return True
        self._failed(task, timed_out=not done)
        return False

    def next_due_s(self) -> float:
        """Answer the clock's time at which the next step is due."""
        return next_due_s(
            start_s=self._start_s,
            interval_s=self._interval_s,
            now_s=self._clock(),
            not_before_s=self._not_before_s,
        )

    async def _call(self) -> None:
        await self._step()

    async def _run(self) -> None:
        while True:
            await self.tick()
            await asyncio.sleep(self.next_due_s() - self._clock())

    async def _stop(self, task: asyncio.Task[None]) -> None:
        try:
            await ending.end_these((task,), STOP_GRACE_S, gently=True)
        finally:
            if not task.done():
                log.error("periodic.not_stopped", name=self.name, waiting_at=ending.where(task))

    def _failed(self, task: asyncio.Task[None], *, timed_out: bool) -> None:
        self.failures += 1
        pause_s = self._backoff.delay_s(self.failures, draw=self._draw())
        self._not_before_s = self._clock() + pause_s
        error: BaseException | None = None
        if timed_out:
            error = TimeoutError(f"{self.name} took longer than {self._timeout_s:g} s")
        elif task.cancelled():
            error = asyncio.CancelledError()
        else:
            error = task.exception()
        log.error(
            "periodic.failed",
            name=self.name,
            error=type(error).__name__,
            failures=self.failures,
            pause_s=round(pause_s, 3),
            waiting_at=ending.where(task),  # None unless it would not stop
            exc_info=error,
        )
