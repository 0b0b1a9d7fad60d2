"""How a bot process ended, and what answer that asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from watchdog.health.observation import ProgramState

EXIT_STOPPED = 0
EXIT_RESTART = 26
EXIT_TEMPORARY = 75  # EX_TEMPFAIL of sysexits.h
EXIT_CONFIGURATION = 78  # EX_CONFIG
EXIT_SIGNALLED = {130: "SIGINT", 143: "SIGTERM"}  # 128 + signal: handled, then ended by it
MEMORY_HIGH = "memory_high"
POLITE_SIGNALS = frozenset({"SIGTERM", "SIGINT", "SIGHUP"})

Answer = Literal["stay_down", "at_once", "at_retry", "never", "by_policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """Why the watchdog itself ended a process.

    Attributes:
        kind: The verdict's reason, such as `pulse_stopped` or `memory_high`.
        counted: It was a failure, and spends budget.
    """

    verdict: str
    kind: str
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """All that is known of the end of one process.

    Attributes:
        state: supervisord's state of the program afterwards.
        exit_status: -1 after a signal, null when unknown.
        signal: Its name by supervisord's log, such as `SIGKILL`; null when unknown.
        out_of_memory: The kernel killed somebody for memory in the meantime.
        asked: Of an exit 0: whoever ended left word that nobody is to take over. Code that calls
            `os._exit(0)` does not.
        intervention: Set when the watchdog ended it.
    """

    state: ProgramState
    exit_status: int | None = None
    signal: str | None = None
    core_dumped: bool = False
    out_of_memory: bool = False
    asked: bool = True
    intervention: Intervention | None = None
    spawn_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What to do after an ending; *cause* says in short what ended the process."""

    answer: Answer
    cause: str


def respond(ending: Ending) -> Response:
    """Answer one ending, by the table of exit codes."""
    if ending.state in ("STOPPED", "STOPPING"):
        return Response(answer="stay_down", cause="operator")
    status = ending.exit_status
    if status == EXIT_CONFIGURATION:
        return Response(answer="never", cause=f"exit {status}")
    if ending.intervention is not None:
        return Response(
            answer="by_policy" if ending.intervention.counted else "at_once",
            cause=ending.intervention.kind,
        )
    if ending.state in ("FATAL", "BACKOFF"):
        return Response(answer="by_policy", cause="start_failed")
    if status == EXIT_STOPPED:
        return Response(answer="stay_down" if ending.asked else "by_policy", cause="exit 0")
    if status == EXIT_RESTART:
        return Response(answer="at_once", cause="restart_asked")
    if status == EXIT_TEMPORARY:
        return Response(answer="at_retry", cause="temporary")
    if status in EXIT_SIGNALLED:
        return Response(answer="at_once", cause=EXIT_SIGNALLED[status])
    return _respond_to_signal(ending)


def _respond_to_signal(ending: Ending) -> Response:
    status = ending.exit_status
    if status is not None and status > 0:
        return Response(answer="by_policy", cause=f"exit {status}")
    if ending.out_of_memory and ending.signal in (None, "SIGKILL"):
        return Response(answer="by_policy", cause="out_of_memory")
    if ending.signal in POLITE_SIGNALS:
        return Response(answer="at_once", cause=ending.signal)
    return Response(answer="by_policy", cause=ending.signal or "signal")
