"""Accounting of IDENTIFYs: `session_start_limit` and the identify interval."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulator.settings import SimulatorSettings

_DAY_S = 86_400.0


class SessionStarts:
    """How many sessions may still be started, and when that number is renewed.

    Source: Discord's documentation, "Session Start Limit Object" and "Rate limiting" of the
    gateway; one IDENTIFY per key `shard_id % max_concurrency` in an interval.
    """

    def __init__(
        self, settings: SimulatorSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = self.remaining = settings.identify_total
        self.max_concurrency = settings.max_concurrency
        self.interval_s = settings.identify_interval_s
        self._clock = clock
        self._reset_at_s = clock() + _DAY_S
        self._last_at_s: dict[int, float] = {}

    def as_json(self) -> dict[str, Any]:
        """Answer `session_start_limit` of `GET /gateway/bot`; `reset_after` in ms."""
        self._renew()
        return {
            "total": self.total,
            "remaining": self.remaining,
            "reset_after": max(0, round((self._reset_at_s - self._clock()) * 1000)),
            "max_concurrency": self.max_concurrency,
        }

    def set(
        self,
        *,
        total: int | None = None,
        remaining: int | None = None,
        reset_after_s: float | None = None,
        max_concurrency: int | None = None,
        interval_s: float | None = None,
    ) -> None:
        """Change what is given."""
        self.total = self.total if total is None else total
        self.remaining = self.remaining if remaining is None else remaining
        self.interval_s = self.interval_s if interval_s is None else interval_s
        if max_concurrency is not None:
            self.max_concurrency = max_concurrency
        if reset_after_s is not None:
            self._reset_at_s = self._clock() + reset_after_s

    def too_soon(self, shard_id: int) -> bool:
        """Answer whether this shard's turn is not yet come, and note the attempt."""
        key, now_s = shard_id % self.max_concurrency, self._clock()
        last_at_s = self._last_at_s.get(key)
        if last_at_s is not None and now_s - last_at_s < self.interval_s:
            return True
        self._last_at_s[key] = now_s
        return False

    def spend(self) -> bool:
        """Take one; answers False when none was left."""
        self._renew()
        if self.remaining <= 0:
            return False
        self.remaining -= 1
        return True

    def _renew(self) -> None:
        if self._clock() >= self._reset_at_s:
            self.remaining = self.total
            self._reset_at_s = self._clock() + _DAY_S
