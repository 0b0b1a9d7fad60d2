"""Leader and spare, the journal between them, and the stages of a start, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from watchdog.health.verdict import SERVING, ProcessSummary, StatusReport
from watchdog.heartbeat.schema import Gateway, JournalFacts
from watchdog.status.wording import Tone, count, duration, milliseconds, words


def leader_of(report: StatusReport) -> ProcessSummary | None:
    """Answer the process that leads, None while none does."""
    return next((each for each in report.processes if each.pid and each.role == "leader"), None)


def spare_of(report: StatusReport) -> ProcessSummary | None:
    """Answer the program that does not lead, None where nobody leads, or nobody is to wait."""
    leader = leader_of(report)
    if leader is None or not report.standby:
        return None
    return next((each for each in report.processes if each is not leader), None)


def process_text(process: ProcessSummary) -> str:
    """Answer who it is: the pid, and supervisord's name of the program."""
    if process.pid is None:
        return f"no process of program {process.program}: {words(process.reason)}"
    return f"process {process.pid} of program {process.program}"


def spare_state(report: StatusReport) -> tuple[str, Tone]:
    """Answer in a word or two how the spare is, and whether that needs a look."""
    if not report.standby:
        return "None", "idle"
    spare = spare_of(report)
    if spare is None:
        return "Unknown", "wait"
    if spare.pid is None:
        return "Missing", "idle" if spare.verdict == "stopped" else "warn"
    if spare.verdict in SERVING:
        return ("Warm", "good") if spare.role == "spare" else ("Starting", "wait")
    return (
        ("Warming up", "wait") if spare.verdict == "starting" else (spare.verdict.title(), "warn")
    )


def spare_note(report: StatusReport) -> str:
    """Answer what else there is to say of the spare."""
    if not report.standby:
        return "since STANDBY is false"
    spare = spare_of(report)
    if spare is None:
        return "nobody leads at the moment"
    return process_text(spare)


def rows(report: StatusReport) -> Iterator[tuple[str, str]]:
    """Answer the processes by what they are: a name and a text each."""
    leader = leader_of(report)
    if leader is not None:
        yield "Leader", f"{process_text(leader)}, up {duration(leader.uptime_s)}"
        spare, (state, _) = spare_of(report), spare_state(report)
        up = f", up {duration(spare.uptime_s)}" if spare is not None and spare.pid else ""
        yield "Spare", f"{state.lower()}, {spare_note(report)}{up}"
    else:
        for process in report.processes:
            if process.program == "bot" or report.standby or process.pid is not None:
                yield f"Program {process.program}", _unled(process)
    yield "Takeovers", count(report.takeovers)


def _unled(process: ProcessSummary) -> str:
    if process.pid is None:
        return f"no process, {words(process.reason)}"
    waits = "waits to lead" if process.role == "spare" else words(process.reason)
    return f"process {process.pid}, up {duration(process.uptime_s)}, {waits}"


def journal_text(journal: JournalFacts) -> str:
    """Answer what a new process would find."""
    if not journal.usable:
        why = words(journal.reason) if journal.reason else "nothing written yet"
        return f"not usable: {why}; the next start would log in anew"
    behind = f"{milliseconds(journal.lag_ms)} behind, " if journal.lag_ms is not None else ""
    return f"usable, {behind}{count(journal.unfinished)} unfinished"


def delivery_rows(gateway: Gateway) -> tuple[tuple[str, int], ...]:
    """Answer what became of events over restarts, in numbers of this process."""
    return (
        ("Handled again", gateway.redelivered_events),
        ("Skipped as finished", gateway.skipped_events),
        ("Set aside", gateway.poisoned_events),
        ("Answered too late", gateway.late_interactions),
    )


def is_takeover(stages_s: Mapping[str, float]) -> bool:
    """Answer whether the stages are those of a spare that came to lead."""
    return "lead" in stages_s


def stages_text(stages_s: Mapping[str, float]) -> str:
    """Answer every stage in its order, each with the time since the beginning."""
    return ", ".join(f"{words(name)} {precisely(at_s)}" for name, at_s in stages_s.items())


def precisely(seconds: float) -> str:
    """Answer a short span: of a takeover the milliseconds count."""
    return milliseconds(seconds * 1000) if seconds < 1 else f"{seconds:.2f} s"
