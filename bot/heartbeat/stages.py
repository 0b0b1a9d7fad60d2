"""How long each stage of the start took, counted from the birth of the process or a takeover."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from watchdog.heartbeat import identity

MAX_STAGES = 32


def process_age_s() -> float:
    """Answer the seconds this process has lived, the interpreter's own start included."""
    started = identity.own().started
    if sys.platform == "linux":
        now = time.clock_gettime(time.CLOCK_BOOTTIME)  # what the kernel's start times count in
    else:
        now = time.time()
    return max(0.0, now - started)


class Stages:
    """Remember when each stage was reached, in seconds since the process started or took over."""

    def __init__(self, *, age_s: float | None = None) -> None:
        born_at_s = time.monotonic() - (process_age_s() if age_s is None else age_s)
        self._born_at_s = born_at_s
        self._reached: dict[str, float] = {}

    def reached(self, stage: str) -> None:
        """Note that *stage* is done; only its first time counts."""
        if stage not in self._reached and len(self._reached) < MAX_STAGES:
            # A new mapping each time: a thread that reads the old one is not disturbed.
            at_s = round(time.monotonic() - self._born_at_s, 3)
            self._reached = {**self._reached, stage: at_s}

    def restart(self, stage: str) -> None:
        """Count from now: a spare takes over, and what came before is of no interest any more."""
        self._born_at_s = time.monotonic()
        self._reached = {stage: 0.0}

    def snapshot(self) -> Mapping[str, float]:
        """Answer the stages in the order they were reached; from any thread."""
        return self._reached
