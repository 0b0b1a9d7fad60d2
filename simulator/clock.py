"""The simulated world's clock: real time, which a test may move forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simcord._clock import Clock


class WallClock(Clock):
    """SimCord's clock, driven by the machine's; `advance` adds to it.

    Snowflakes carry real time this way, so a bot can tell an interaction's age from its id.
    """

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.elapsed)
