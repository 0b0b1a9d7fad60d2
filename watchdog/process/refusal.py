"""Which process may be signalled. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchdog.health.observation import ProcessSight, ProgramSight

if TYPE_CHECKING:
    from watchdog.heartbeat.identity import Identity


def refusal(
    meant: Identity,
    seen: ProcessSight | None,
    program: ProgramSight,
    *,
    supervisord_pid: int,
    own_pid: int,
) -> str | None:
    """Answer why the process *meant* must not be signalled, or None when it may be.

    Args:
        meant: Whom the verdict is about.
        seen: What the kernel says of that pid now.
        program: What supervisord says of the bot now.
        supervisord_pid: supervisord's own pid, by its own word.
        own_pid: The watchdog's pid.
    """
    if meant.pid <= 1:
        return "not_a_process"  # 0 and -1 would be whole groups, 1 is init
    if meant.pid == own_pid:
        return "the_watchdog"
    if meant.pid == supervisord_pid:
        return "supervisord"
    if program.state not in ("STARTING", "RUNNING"):
        return f"program_{program.state.lower()}"
    if program.pid != meant.pid:
        return "supervisord_names_another"
    if seen is None:
        return "gone"
    if seen.identity != meant:
        return "pid_reused"
    if seen.parent_pid != supervisord_pid:
        return "not_supervisords_child"
    if seen.tracer_pid:
        return "debugger_attached"
    return None
