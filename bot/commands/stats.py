"""How commands fare: counts since the start, and the durations of the newest few thousand."""

from __future__ import annotations

from bot.tasks.stats import Durations
from watchdog.heartbeat import schema


class CommandStats:
    """Counted in the loop, read by the heartbeat's thread; memory does not grow.

    Numbers and `Durations` may be read while the loop changes them: a snapshot is at most one
    command behind.
    """

    def __init__(self) -> None:
        self._invoked = self._failed = self._timed_out = 0
        self._durations = Durations()

    def began(self) -> None:
        """Count one command, button, select or modal that was handed to its handler."""
        self._invoked += 1

    def ended(self, duration_s: float) -> None:
        """Note how long one took, whatever came of it."""
        self._durations.add(duration_s)

    def failed(self) -> None:
        """Count an error that was not the user's."""
        self._failed += 1

    def timed_out(self) -> None:
        """Count one that ran into its deadline."""
        self._timed_out += 1

    def snapshot(self) -> schema.Commands:
        """Answer the counts, and the quantiles of the newest durations."""
        return schema.Commands(
            invoked=self._invoked,
            failed=self._failed,
            timed_out=self._timed_out,
            p50_ms=self._durations.quantile_ms(0.50),
            p99_ms=self._durations.quantile_ms(0.99),
        )
