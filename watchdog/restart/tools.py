"""What restarting works with, made once by the composition root."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog.health.probe import Probe
from watchdog.incidents.casebook import Casebook
from watchdog.process.kernel import KERNEL, Kernel
from watchdog.restart.planner import Planner
from watchdog.supervisord.program import Program


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was done since the watchdog started."""

    kills: int = 0
    refusals: int = 0
    starts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One of each.

    Attributes:
        stood_down: The file that whoever ends for good leaves.
        stacks: The file into which the bot dumps its stacks on SIGUSR1.
        memory_kills: Answers the kernel's count of kills for want of memory, or None.
        patience_s: From SIGTERM to SIGKILL.
        zombie_grace_s: Between two restarts for a silent gateway.
    """

    probe: Probe
    program: Program
    planner: Planner
    casebook: Casebook
    tally: Tally
    stood_down: Path
    stacks: Path
    memory_kills: Callable[[], int | None]
    patience_s: float
    zombie_grace_s: float
    clock: Callable[[], float] = time.monotonic
    kernel: Kernel = KERNEL
