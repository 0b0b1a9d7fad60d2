"""What one poll saw. Pure."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from watchdog.heartbeat.schema import Heartbeat

if TYPE_CHECKING:
    from watchdog.heartbeat.identity import Identity

ProgramState = Literal[
    "STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"
]
PROGRAM_STATES: frozenset[str] = frozenset(typing.get_args(ProgramState))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSight:
    """What supervisord says; *exit_status* is -1 after a signal and null unless EXITED."""

    state: ProgramState
    pid: int
    exit_status: int | None = None
    spawn_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSight:
    """What the kernel says of the bot process.

    Attributes:
        run_state: The letter of /proc/PID/stat (proc(5)): R, S, D, T, t, Z, X.
        cpu_s: Processor time used so far, all threads.
        tracer_pid: A debugger's pid, else 0.
        running: Threads in state R, null when they were not counted.
        disk_waits: Threads in state D.
    """

    identity: Identity
    run_state: str = "S"
    cpu_s: float = 0.0
    parent_pid: int = 0
    group: int = 0
    tracer_pid: int = 0
    running: int | None = None
    disk_waits: int = 0
    age_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatSight:
    """What lies in the heartbeat file.

    Attributes:
        beat: The beat, when it can be believed and is of the process now alive.
        age_s: Seconds since it was written, by the clock of this boot; at least 0.
        trouble: Why there is no beat to believe, a short text; null when it is only missing.
        distrusted: The file or its folder is not safe; a restart would not mend that.
        strange: Something lies in its place that is no regular file; while that stays there, it
            may be in the way of every beat, and a restart would not mend that either.
    """

    beat: Heartbeat | None = None
    age_s: float = 0.0
    trouble: str | None = None
    distrusted: bool = False
    strange: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One poll.

    Attributes:
        gap_s: Monotonic seconds since the poll before, waits for supervisord taken off.
        program: Null when supervisord does not answer.
        program_trouble: Why it does not.
        process: The bot process, null when there is none.
        state_writable: The watchdog itself could write into the state folder.
    """

    gap_s: float
    program: ProgramSight | None
    program_trouble: str | None = None
    process: ProcessSight | None = None
    beat: BeatSight = BeatSight()
    state_writable: bool = True
