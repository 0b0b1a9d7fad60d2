"""The thread that finds what is due in the database and hands it to the loop.

It sleeps until the next timer is due, or until somebody wakes it, and never longer than
`LOOK_S`: a wall clock that was set forward makes timers late by no more than that. It alone
claims and writes what became of a timer, so the loop waits for no database here, and a lost one
leaves the thread with what it has in hand until it is back.
"""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from bot.tasks.bridge import BridgeClosedError, BridgeFullError
from bot.timers.timer import Ended, Timer

if TYPE_CHECKING:
    from bot.timers.store import TimerStore

log = structlog.get_logger(__name__)

WINDOW = 200  # timers that are claimed and not written yet
LOOK_S = 10.0
LINGER_S = 0.02  # after it was woken: what comes at once is done at once
FULL_S = 0.25  # until it tries again to hand over what the bridge had no room for
RECALL_S = 300.0
BACKOFF_S, BACKOFF_CAP_S = 0.25, 15.0
LOG_EVERY_S = 60.0
FORGET_AFTER, FORGET_EVERY = timedelta(days=30), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimersHealth:
    """How the scheduler does.

    Attributes:
        in_hand: Timers that are claimed and not written yet.
        ended: Attempts that were written since the start.
        problem: Why it can't look at the database now; None when it can.
    """

    running: bool = False
    in_hand: int = 0
    ended: int = 0
    problem: str | None = None


class Scheduler:
    """One thread; `report`, `wake` and `stop` may be called from any other."""

    def __init__(
        self,
        store: TimerStore,
        *,
        failures: tuple[type[Exception], ...],
        kinds: Callable[[], Collection[str]],
        publish: Callable[[object], None],
        now: Callable[[], datetime],
        on_failure: Callable[[], None],
        on_end: Callable[[], None],
        window: int = WINDOW,
    ) -> None:
        """Take what it works with.

        Args:
            failures: What a lost database raises.
            kinds: Answers those that have a handler.
            publish: Of the bridge.
            on_failure: Called in the thread when the database has failed.
            on_end: Called in the thread when it ends, for whatever reason.
        """
        self.health = TimersHealth()
        self._store, self._failures, self._kinds = store, failures, kinds
        self._publish, self._now, self._window = publish, now, window
        self._on_failure, self._on_end = on_failure, on_end
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._ended: collections.deque[Ended] = collections.deque()
        self._in_hand: set[tuple[int, datetime]] = set()
        self._forget_at = now()
        # Rows may be claimed that nobody has in hand: at the start, after a failure, and now and
        # then, since the process before this one may have claimed some when it led no more.
        self._recall_at_s = float("-inf")
        self._delay_s, self._logged_at_s = BACKOFF_S, float("-inf")
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look again: something was scheduled, or a kind got its handler."""
        self._woken.set()

    def doubt(self) -> None:
        """Rows may be claimed that nobody has in hand."""
        self._recall_at_s = float("-inf")

    def report(self, ended: Ended) -> None:
        """Write down what became of a timer."""
        self._ended.append(ended)
        self._woken.set()

    def stop(self) -> None:
        """Write what was reported, and end."""
        self._stopping.set()
        self._woken.set()

    def adopt(self, before: Scheduler) -> None:
        """Go on with what a thread that has ended had in hand; before `start`."""
        self._in_hand, self._ended = before._in_hand, before._ended

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        self.health = replace(self.health, running=True)
        try:
            while not self._stopping.is_set():
                wait_s = self._guarded_step()
                if self._woken.wait(wait_s):
                    self._stopping.wait(LINGER_S)
            self._finish()
        finally:
            self.health = replace(self.health, running=False)
            self._on_end()

    def _guarded_step(self) -> float:
        """Answer how long to sleep."""
        self._woken.clear()  # first: what comes from now on is seen now, or wakes us
        try:
            wait_s = self.step()
        except self._failures as error:
            return self._failed(error)
        if self.health.problem is not None:
            log.info("timers.recovered")
        self._delay_s = BACKOFF_S
        self.health = replace(self.health, in_hand=len(self._in_hand), problem=None)
        return wait_s

    def step(self) -> float:
        """Write what ended, claim what is due and hand it over; answers seconds to sleep.

        Raises:
            Exception: the database is lost; what was to be written is kept for the next step.
        """
        kinds, now_s = self._kinds(), time.monotonic()
        if kinds and now_s >= self._recall_at_s:
            self._recall_at_s = now_s + RECALL_S
            recalled = self._store.recall({timer_id for timer_id, _ in self._in_hand})
            if recalled:
                log.info("timers.recalled", count=recalled)
        ended = tuple(self._ended)
        room = self._window - len(self._in_hand) + len(ended)
        now = self._now()
        found = self._store.round(ended, kinds=kinds, room=room, now=now)
        self._written(ended)
        if now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY
            self._store.forget(now - FORGET_AFTER)
        if not self._hand_over(found.claimed):
            return FULL_S
        if found.next_at is None or len(self._in_hand) >= self._window:
            return LOOK_S  # a timer that ends makes room, and wakes us
        return min(LOOK_S, max(0.0, (found.next_at - now) / timedelta(seconds=1)))

    def _written(self, ended: Sequence[Ended]) -> None:
        for each in ended:
            self._ended.popleft()
            self._in_hand.discard(each.timer.key)
        self.health = replace(self.health, ended=self.health.ended + len(ended))

    def _hand_over(self, claimed: Sequence[Timer]) -> bool:
        """Answer False when the bridge takes no more; the rest waits in the database."""
        for index, timer in enumerate(claimed):
            try:
                self._publish(timer)
            except (BridgeFullError, BridgeClosedError) as error:
                log.warning("timers.not_handed_over", error=type(error).__name__)
                self._store.release([each.id for each in claimed[index:]])
                return False
            self._in_hand.add(timer.key)
        return True

    def _failed(self, error: Any) -> float:
        self.doubt()
        self._on_failure()
        cause = getattr(error, "orig", None) or error
        name = type(cause).__name__
        now_s = time.monotonic()
        if now_s - self._logged_at_s >= LOG_EVERY_S:
            self._logged_at_s = now_s
            log.warning("timers.database_lost", error=name, in_hand=len(self._in_hand))
        self.health = replace(self.health, in_hand=len(self._in_hand), problem=name)
        delay_s, self._delay_s = self._delay_s, min(BACKOFF_CAP_S, self._delay_s * 2)
        # Reports wake the thread; a lost database is not asked more often for that.
        self._stopping.wait(delay_s)
        return 0.0

    def _finish(self) -> None:
        """Write what was reported, and give back the rest, once.

        What can't be written happens again, and is recognised.
        """
        ended = tuple(self._ended)
        left = self._in_hand - {each.timer.key for each in ended}
        try:
            if ended:
                self._store.round(ended, kinds=(), room=0, now=self._now())
            if left:
                self._store.release([timer_id for timer_id, _ in left])
        except self._failures as error:
            log.warning("timers.not_written", count=len(ended), error=type(error).__name__)
        else:
            self._written(ended)
