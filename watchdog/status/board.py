"""The board: the last report, where the judging thread leaves it and everybody else looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from watchdog.health.verdict import StatusReport

# A tick takes milliseconds, and TICK_LIMIT_S (10 s) ends a watchdog that hangs.
STALE_AFTER_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The last report and how long ago it was published, in seconds.

    Attributes:
        stale: So old that the judging thread must be taken for hung.
    """

    report: StatusReport
    age_s: float
    stale: bool


class StatusBoard:
    """Hand reports from the one thread that judges to all that show; neither side ever waits."""

    def __init__(
        self,
        *,
        stale_after_s: float = STALE_AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stale_after_s, self._clock = stale_after_s, clock
        # One tuple, replaced at once: a reader sees report and time of the same publication.
        self._last: tuple[StatusReport, float] | None = None
        self._opened_at_s = clock()

    def publish(self, report: StatusReport) -> None:
        """Replace what everybody sees by *report*."""
        self._last = (report, self._clock())

    def current(self) -> StatusReport | None:
        """Answer the last report, None before the first."""
        last = self._last
        return last[0] if last is not None else None

    def posted(self) -> Posted | None:
        """Answer the last report with its age, None before the first."""
        last = self._last
        if last is None:
            return None
        report, published_at_s = last
        age_s = max(0.0, self._clock() - published_at_s)
        return Posted(report=report, age_s=age_s, stale=age_s > self._stale_after_s)

    def is_live(self) -> bool:
        """Answer whether the judging thread published lately, or may still be about to begin."""
        posted = self.posted()
        if posted is not None:
            return not posted.stale
        return self._clock() - self._opened_at_s <= self._stale_after_s
