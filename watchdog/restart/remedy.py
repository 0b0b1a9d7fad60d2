"""What is done about a running bot that is not well. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from watchdog.health.liveness import Judgement
from watchdog.health.verdict import Verdict

Step = Literal["stack", "terminate", "kill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """How to end a process.

    Attributes:
        steps: In this order. `stack` has every thread's stack written (SIGUSR1), `terminate` is
            SIGTERM with a deadline, for a loop that can still handle it; `kill` is SIGKILL.
        counted: The restart that follows spends budget.
    """

    steps: tuple[Step, ...]
    counted: bool = True


_HUNG = Remedy(steps=("stack", "kill"))
_TURNING = Remedy(steps=("stack", "terminate", "kill"))

REMEDIES: Mapping[tuple[Verdict, str], Remedy] = {
    ("hung", "pulse_stopped"): _HUNG,
    ("hung", "stop_overdue"): _HUNG,
    ("hung", "never_ready"): _TURNING,
    ("frozen", "stopped_by_signal"): Remedy(steps=("kill",)),  # it could not write a stack
    ("frozen", "interpreter_stuck"): _HUNG,
    ("frozen", "no_heartbeat"): _HUNG,
    ("frozen", "never_ready"): _HUNG,
    ("zombie", "gateway_silent"): Remedy(steps=("terminate", "kill")),
    ("zombie", "not_ready_again"): _TURNING,
    ("degraded", "memory_high"): Remedy(steps=("terminate", "kill"), counted=False),
}


def remedy_for(judgement: Judgement) -> Remedy | None:
    """Answer what to do about *judgement*, None when the process is to be left alone."""
    if judgement.verdict == "degraded" and "memory_high" in judgement.warnings:
        return REMEDIES["degraded", "memory_high"]
    return REMEDIES.get((judgement.verdict, judgement.reason))
