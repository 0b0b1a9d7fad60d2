"""Clocks, sleep and luck of the gateway's parts, in one place so that tests can hold them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from watchdog.heartbeat import identity
from watchdog.heartbeat.clocks import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What time and chance are.

    Attributes:
        clock: Monotonic seconds.
        wall_clock: Unix seconds, for what must hold across processes.
        sleep: Waits so many seconds.
        draw: Answers a number in [0, 1) for the jitter.
    """

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep
    draw: Callable[[], float] = random.random

    def reading(self) -> Reading:
        """Answer how the two clocks stand to each other."""
        return Reading.of(
            monotonic_s=self.clock(), unix_s=self.wall_clock(), boot_id=identity.boot_id()
        )
