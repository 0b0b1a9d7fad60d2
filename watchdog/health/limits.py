"""The limits that a verdict depends on; all in seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass

WRITER_FACTOR = 3  # missing beats alone are a reason only after this many times the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long what may last, counted in punctual polls worth that long.

    *hung_s* and *frozen_s* must be at least two beats long: a limit below that would be reached
    between two beats of a healthy bot.
    """

    poll_s: float = 0.5
    beat_s: float = 1.0
    hung_s: float = 5.0
    frozen_s: float = 5.0
    startup_s: float = 60.0
    zombie_s: float = 120.0
    waiting_s: float = 60.0
    stopping_s: float = 10.0
    heavy_bytes: int = 0
    heavy_s: float = 300.0
