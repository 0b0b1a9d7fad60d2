"""The push channel: an address fetched while the bot is healthy, so that silence is the alarm."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from watchdog.alerts.delivery import Answer, Delivered, Delivery, TryAgain, judge
from watchdog.alerts.fetch import FetchError, Target, fetch, target_of
from watchdog.alerts.worker import Worker

FRESH_S = 15.0  # a health nobody confirmed for so long is none: the judging thread hangs
FIRST_RETRY_S = 5.0

log = structlog.get_logger(__name__)


class PushMonitor:
    """Fetch *url* every *interval_s* seconds while healthy, in a thread of its own."""

    def __init__(
        self,
        url: str,
        *,
        interval_s: float,
        call: Callable[[Target], Answer] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target_of(url)
        self._interval_s, self._call, self._clock = interval_s, call, clock
        self._healthy_at_s: float | None = None
        self.due_at_s = clock()  # of the next fetch, on the monotonic clock
        self._failures_in_row = 0
        self.fetched = self.failures = 0
        self.worker = Worker("push-monitor", self.step, finishes=False)

    def healthy(self, is_healthy: bool) -> None:
        """Say how the bot is, at every tick; without this, fetching ends. Never waits."""
        fresh = self._is_healthy()
        self._healthy_at_s = self._clock() if is_healthy else None
        if is_healthy and not fresh:
            self.worker.wake()

    def step(self) -> float | None:
        """Fetch if it is time; answer the seconds until it is, None while not healthy."""
        if not self._is_healthy():
            return None
        now_s = self._clock()
        if now_s >= self.due_at_s:
            self.due_at_s = now_s + self._concluded(self._fetch())
        return max(0.001, self.due_at_s - self._clock())

    def _is_healthy(self) -> bool:
        healthy_at_s = self._healthy_at_s
        return healthy_at_s is not None and self._clock() - healthy_at_s <= FRESH_S

    def _fetch(self) -> Delivery:
        try:
            return judge(self._call(self._target))
        except FetchError as error:
            return TryAgain(reason=error.reason)

    def _concluded(self, delivery: Delivery) -> float:
        """Count, tell of a change once, and answer the seconds until the next fetch."""
        if isinstance(delivery, Delivered):
            if self._failures_in_row:
                log.info("push.recovered", failures=self._failures_in_row)
            self.fetched += 1
            self._failures_in_row = 0
            return self._interval_s
        self.failures += 1
        self._failures_in_row += 1
        if self._failures_in_row == 1:
            log.warning(
                "push.failed",
                reason=delivery.reason,
                advice="Look at PUSH_MONITOR_URL; it is tried again without further words.",
            )
        asked_s = delivery.after_s if isinstance(delivery, TryAgain) else None
        doublings = min(self._failures_in_row - 1, 10)
        retry_s = min(self._interval_s, FIRST_RETRY_S * float(2**doublings))
        return max(retry_s, asked_s or 0.0)
