"""The intake: alerts are taken at once, and brought to disk by a thread of its own.

It never touches the network, so an alert is on disk at once even while an attempt to deliver the
one before hangs; and what waits can be sent even while the disk hangs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from watchdog.alerts import entry, plan
from watchdog.alerts.alert import Alert
from watchdog.alerts.spool import MAX_TAKEN, Spool, Stored
from watchdog.alerts.worker import Worker

MAX_OFFERED = 256  # not yet stored; more only while the disk hangs


class Intake:
    """Take alerts from any thread, drop repeats, and store the rest in *spool*.

    Args:
        stored: Called, in the intake's thread, as soon as something more waits.
        unix: Clock for repeats, which are known over a restart of the watchdog.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        limits: plan.Limits,
        stored: Callable[[], None],
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._spool, self._limits, self._stored, self._unix = spool, limits, stored, unix
        self._offered: deque[Alert] = deque()
        self._lock = threading.Lock()  # held for an append or a swap only
        self._taken_at_s: dict[plan.Key, float] = {}
        self._counters = dict.fromkeys(("offered", "repeated", "lost"), 0)
        self.worker = Worker("alert-intake", self.step, begin=self.open)

    def offer(self, alert: Alert) -> None:
        """Take *alert*; never waits for disk or network and never raises."""
        with self._lock:
            self._counters["offered"] += 1
            if len(self._offered) >= MAX_OFFERED:
                self._offered.popleft()
                self._counters["lost"] += 1
            self._offered.append(alert)
        self.worker.wake()

    def open(self) -> None:
        """Read what an earlier process left."""
        self._spool.open()
        self._taken_at_s = self._spool.load_taken()
        self._stored()

    def step(self) -> float | None:
        """Store all that was offered."""
        with self._lock:
            offered, self._offered = self._offered, deque()
        if not offered:
            return None
        taken = [stored for alert in offered if (stored := self._take(alert)) is not None]
        with self._lock:
            self._counters["repeated"] += len(offered) - len(taken)
        if taken:
            self._stored()  # before the disk, which may be slow or full: that too is alerted
            for stored in taken:
                self._spool.keep(stored)
            self._forget_old()
            self._spool.save_taken(self._taken_at_s)
        return 0.0

    def counters(self) -> Mapping[str, int]:
        """Answer counters since the start, and how many alerts are not stored yet."""
        with self._lock:
            return {**self._counters, "unstored": len(self._offered)}

    def _take(self, alert: Alert) -> Stored | None:
        alert = entry.bounded(alert)
        now_s, key = self._unix(), plan.key_of(alert)
        waiting = {plan.key_of(stored.alert) for stored in self._spool.waiting}
        if plan.is_repeat(
            key, waiting=waiting, taken_at_s=self._taken_at_s, limits=self._limits, now_s=now_s
        ):
            return None
        self._taken_at_s[key] = now_s
        return self._spool.add(alert)

    def _forget_old(self) -> None:
        if len(self._taken_at_s) > 2 * MAX_TAKEN:
            latest = sorted(self._taken_at_s.items(), key=lambda item: item[1])[-MAX_TAKEN:]
            self._taken_at_s = dict(latest)
