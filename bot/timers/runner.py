"""Runs the handlers of timers in the loop: a few at once, those of one channel in order."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

import structlog

from bot.tasks.manager import TaskManager
from bot.tasks.timeouts import with_timeout
from bot.timers.outcome import Outcome, Retry, ending, failing, unbegun
from bot.timers.timer import Ended, Handler, Timer

log = structlog.get_logger(__name__)

CONCURRENCY = 16
HANDLER_TIMEOUT_S = 120.0
STOPPED_RETRY_S = 1.0
# Discord takes 50 calls in a second of one bot, and users who wait for answers need some of them.
PER_S, BURST = 40.0, 20


class Runner:
    """What the thread hands over waits here in lanes, one for each channel."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        tasks: TaskManager,
        now: Callable[[], datetime],
        report: Callable[[Ended], None],
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._handlers, self._tasks, self._now, self._report = handlers, tasks, now, report
        self._concurrency, self._paused = concurrency, False
        self._lanes: dict[tuple[str, int], collections.deque[Timer]] = {}
        self._ready: collections.deque[tuple[str, int]] = collections.deque()
        self._running: set[asyncio.Task[Outcome]] = set()
        self._paced_until_s = 0.0  # by the loop's clock: what was begun up to now is worth this
        self._later: asyncio.TimerHandle | None = None

    def take(self, event: object) -> None:
        """Subscriber of the bridge; events of others are none of ours."""
        if not isinstance(event, Timer):
            return
        if self._paused:
            self._give_back(event)
            return
        lane = self._lanes.get(event.lane)
        if lane is None:
            self._lanes[event.lane] = collections.deque((event,))
            self._ready.append(event.lane)
        else:
            lane.append(event)
        self._pump()

    def pause(self) -> None:
        """Begin nothing more, and give back what waits."""
        self._paused = True
        if self._later is not None:
            self._later.cancel()
            self._later = None
        for key in self._ready:
            for timer in self._lanes.pop(key):
                self._give_back(timer)
        self._ready.clear()
        for lane in self._lanes.values():  # their first ones run
            while len(lane) > 1:
                self._give_back(lane.pop())

    def go_on(self) -> None:
        """Begin what comes from now on."""
        self._paused = False

    async def close(self, timeout_s: float) -> None:
        """Begin nothing more, and give what runs *timeout_s* to end."""
        self.pause()
        running = set(self._running)
        if running:
            _, late = await asyncio.wait(running, timeout=timeout_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=timeout_s)

    def _give_back(self, timer: Timer) -> None:
        before = {"attempts": timer.attempts, "failures": timer.failures}
        self._report(Ended(timer, unbegun(**before, due_at=timer.due_at)))

    def _pump(self) -> None:
        while self._ready and len(self._running) < self._concurrency and not self._paused:
            if not self._may_begin():
                return
            lane = self._ready.popleft()
            timer = self._lanes[lane][0]
            handler = self._handlers.get(timer.kind)
            coro = _absent() if handler is None else _attempt(handler, timer)
            task = self._tasks.create_task(coro, name=f"timer-{timer.kind}")
            self._running.add(task)
            task.add_done_callback(partial(self._ended, timer))

    def _may_begin(self) -> bool:
        """Answer whether the pace allows one more now; else the pump goes on when it does."""
        if self._later is not None:
            return False
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        ahead_s = self._paced_until_s - now_s - BURST / PER_S
        if ahead_s > 0:
            self._later = loop.call_later(ahead_s, self._go_on)
            return False
        self._paced_until_s = max(self._paced_until_s, now_s) + 1 / PER_S
        return True

    def _go_on(self) -> None:
        self._later = None
        self._pump()

    def _ended(self, timer: Timer, task: asyncio.Task[Outcome]) -> None:
        self._running.discard(task)
        lane = self._lanes[timer.lane]
        lane.popleft()
        if lane:
            self._ready.append(timer.lane)
        else:
            del self._lanes[timer.lane]
        error = None if task.cancelled() else task.exception()
        if task.cancelled() and self._paused:
            self._give_back(timer)  # nobody knows how far it came: it happens again
            return
        now, before = self._now(), {"attempts": timer.attempts, "failures": timer.failures}
        if task.cancelled():
            end = failing("CancelledError", **before, now=now)
        elif error is not None:
            log.warning(
                "timer.attempt_failed",
                timer_id=timer.id,
                kind=timer.kind,
                attempts=timer.attempts + 1,
                error=type(error).__name__,
                exc_info=error,
            )
            end = failing(type(error).__name__, **before, now=now)
        else:
            end = ending(task.result(), attempts=timer.attempts, now=now)
        self._report(Ended(timer, end))
        self._pump()


async def _attempt(handler: Handler, timer: Timer) -> Outcome:
    return await with_timeout(handler(timer), HANDLER_TIMEOUT_S)


async def _absent() -> Outcome:
    """Its plugin was unloaded a moment ago; the thread will not claim that kind again."""
    return Retry(STOPPED_RETRY_S)
