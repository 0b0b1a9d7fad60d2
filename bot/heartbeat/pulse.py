"""The event loop's own pulse: stamped by the loop, read by threads.

A thread that writes "alive" proves nothing about the loop. Only the loop can stamp the pulse, so a
pulse that grows old means that a callback does not return.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from typing import Self

import structlog

from bot.heartbeat.sampler import lag_quantiles
from watchdog.heartbeat.schema import Loop

log = structlog.get_logger(__name__)

WINDOW_S = 60.0
# Waking an idle loop is most of what a heartbeat costs: 0.15 % of a core at 10 Hz, half of it here.
INTERVAL_S = 0.2


class LoopPulse:
    """Stamp the clock from inside the event loop, every *interval_s* seconds, while it runs.

    A chain of timers, not a task: what cancels every task at shutdown does not stop it.

    Attributes:
        count: Stamps so far; what the watchdog compares from poll to poll.
        interval_s: Seconds between two stamps of a healthy loop.
        thread_id: The thread the loop runs in, None before the start.
    """

    def __init__(
        self, *, interval_s: float = INTERVAL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.interval_s, self.count = interval_s, 0
        self.thread_id: int | None = None
        self._clock, self._beat_at_s = clock, clock()
        # Rings that are overwritten in place: a thread may copy them at any moment, without a lock.
        size = max(1, round(WINDOW_S / interval_s))
        self._lags_s, self._stamped_at_s = [0.0] * size, [-math.inf] * size
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop, self.thread_id = asyncio.get_running_loop(), threading.get_ident()
        self._beat_at_s = self._clock()
        self._timer = self._loop.call_later(self.interval_s, self._stamp)
        log.debug("pulse.started", interval_s=self.interval_s)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = None

    def add_watcher(self, watcher: Callable[[], None]) -> None:
        """Call *watcher* in the loop after every stamp; it has to answer within microseconds."""
        if watcher not in self._watchers:
            self._watchers = (*self._watchers, watcher)

    def remove_watcher(self, watcher: Callable[[], None]) -> None:
        """Do not call *watcher* any more."""
        self._watchers = tuple(known for known in self._watchers if known != watcher)

    def stamp(self) -> None:
        """Take one pulse: count it, and how late it came."""
        now_s = self._clock()
        lag_s = max(0.0, now_s - self._beat_at_s - self.interval_s)
        place = self.count % len(self._lags_s)
        self._lags_s[place], self._stamped_at_s[place] = lag_s, now_s
        self._beat_at_s = now_s
        self.count += 1

    def age_s(self) -> float:
        """Answer the seconds since the last stamp."""
        return max(0.0, self._clock() - self._beat_at_s)

    def snapshot(self) -> Loop:
        """Answer pulse, age, and the lags of the last minute; from any thread."""
        p50_ms, p99_ms, max_ms = lag_quantiles(self._recent_lags_s())
        return Loop(
            pulse=self.count,
            pulse_age_s=round(self.age_s(), 3),
            lag_ms_p50=p50_ms,
            lag_ms_p99=p99_ms,
            lag_ms_max=max_ms,
        )

    def _recent_lags_s(self) -> list[float]:
        count, size = self.count, len(self._lags_s)
        oldest_at_s = self._stamped_at_s[count % size if count >= size else 0]
        since_s = self._clock() - WINDOW_S
        if oldest_at_s >= since_s - WINDOW_S / 10:  # a healthy loop: the ring is the last minute
            return self._lags_s[:count]
        return [
            lag_s
            for at_s, lag_s in zip(self._stamped_at_s[:], self._lags_s[:], strict=True)
            if at_s >= since_s
        ]

    def _stamp(self) -> None:
        if self._loop is None:
            return
        self.stamp()
        # First the next timer, then the watchers: one that raises must not end the pulse.
        self._timer = self._loop.call_later(self.interval_s, self._stamp)
        for watcher in self._watchers:
            watcher()
