"""End what an earlier run left in this folder: never by a name, nor by a pid alone.

A supervisord and a simulator are known by the roster: pid, start time and boot. What supervisord
started is known by its environment, which names the socket of the supervisord above it; that holds
for what a plugin started, too, and for a process that had not come to write a heartbeat yet.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.heartbeat import identity
from watchdog.process import listener, roster

if TYPE_CHECKING:
    from watchdog.heartbeat.identity import Identity
    from watchdog.process.handle import ProcessHandle

REFUSED = 1
SUPERVISORD_PATIENCE_S = 15.0  # enough, unless two of its programs do not react at all
ORPHAN_PATIENCE_S = 3.0  # on Linux an orphan ends by itself when its supervisord is gone
ASKED_PATIENCE_S = 2.0
KILL_PATIENCE_S = 5.0
ROUNDS = 3  # an orphan may have started another process meanwhile
MAX_ENVIRON_BYTES = 1024 * 1024
URL, NAME = "SUPERVISOR_SERVER_URL", "SUPERVISOR_PROCESS_NAME"


def clean(shell: Identity, *, over: bool) -> int:
    """End what is left of earlier runs of *shell*'s folder; refuse when somebody else serves there.

    Args:
        over: The run ends: nothing is to remain, and the roster is emptied.
    """
    entries, boot_id = roster.read(), identity.boot_id()
    left = [entry for entry in roster.left_over(entries, shell) if entry.boot_id == boot_id]
    if _is_foreign(listener.find(roster.SOCKET), left):
        return REFUSED
    for entry in left:
        supervises = entry.name == roster.SUPERVISORD
        _end(entry.name, entry.identity, SUPERVISORD_PATIENCE_S if supervises else 0.0)
    for _ in range(ROUNDS):
        if not _end_orphans():
            break
    stale = (roster.SOCKET, roster.STATE / "supervisord.pid")
    for path in (*stale, *roster.STATE.glob("supervisor.sock.*")):
        path.unlink(missing_ok=True)
    own = [entry for entry in entries if entry not in left]
    if over:
        roster.rewrite(())
    elif own and own[-1].name == roster.SHELL:  # no child that could be writing its own line
        roster.rewrite(own[-1:])
    return 0


def _is_foreign(found: listener.Listener | None, left: list[roster.Entry]) -> bool:
    if found is None:
        return False
    ours = {
        entry.identity.pid
        for entry in left
        if entry.name == roster.SUPERVISORD and identity.read(entry.identity.pid) == entry.identity
    }
    if found.pid in ours or (found.pid is None and ours):
        return False
    who = f", pid {found.pid}," if found.pid else ""
    sys.stderr.write(
        f"A supervisord{who} that NEVER_DOWN.sh did not start runs in this folder already;\n"
        "nothing was touched. This stops it: .venv/bin/supervisorctl shutdown\n"
    )
    return True


def _end(name: str, who: Identity, patience_s: float) -> None:
    """Ask the process *who* to end, and kill it after *patience_s*."""
    if identity.read(who.pid) != who:
        return
    from watchdog.process.handle import ProcessHandle  # later: most often nothing is left

    handle = ProcessHandle.open(who.pid)
    if handle is None:
        return
    try:
        if handle.identity == who and not handle.ended():
            _ask(name, handle)
            _kill([handle], patience_s)
    finally:
        handle.close()


def _end_orphans() -> bool:
    """End what a supervisord of this folder started; answer whether there was any."""
    pids = [pid for pid in _pids() if _is_orphan(_environ(pid))]
    if not pids:
        return False
    from watchdog.process.handle import ProcessHandle  # later: most often nothing is left

    handles = [handle for handle in map(ProcessHandle.open, pids) if handle is not None]
    try:
        # Read again: what the handle holds can't come to be another process.
        environs = {handle: _environ(handle.identity.pid) for handle in handles}
        orphans = [handle for handle in handles if _is_orphan(environs[handle])]
        for handle in _wait(orphans, ORPHAN_PATIENCE_S):
            _ask(environs[handle].get(NAME, "process"), handle)
        _kill(orphans, ASKED_PATIENCE_S)
    finally:
        for handle in handles:
            handle.close()
    return bool(orphans)


def _pids() -> list[int]:
    """Answer all processes but this one and those it was started by."""
    if sys.platform == "linux":
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    else:
        import psutil

        pids = psutil.pids()
    return [pid for pid in pids if pid > 1 and pid not in (os.getpid(), os.getppid())]


def _environ(pid: int) -> Mapping[str, str]:
    """Answer the environment that *pid* was started with, empty when it may not be read."""
    if sys.platform != "linux":
        import psutil

        try:
            return psutil.Process(pid).environ()
        except (psutil.Error, OSError):
            return {}
    try:
        with Path(f"/proc/{pid}/environ").open("rb") as file:
            raw = file.read(MAX_ENVIRON_BYTES)
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _is_orphan(environ: Mapping[str, str]) -> bool:
    path = environ.get(URL, "").removeprefix("unix://")
    try:
        return bool(path) and Path(path).parent.samefile(roster.STATE)
    except (OSError, ValueError):
        return False


def _ask(name: str, handle: ProcessHandle) -> None:
    pid = handle.identity.pid
    sys.stderr.write(f"Ending the {name} that an earlier run left, pid {pid}.\n")
    handle.send(signal.SIGTERM)


def _kill(handles: list[ProcessHandle], patience_s: float) -> None:
    for handle in _wait(handles, patience_s):
        handle.send(signal.SIGKILL)
    _wait(handles, KILL_PATIENCE_S)


def _wait(handles: list[ProcessHandle], within_s: float) -> list[ProcessHandle]:
    """Answer those that have not ended within *within_s*."""
    deadline_s = time.monotonic() + within_s
    return [
        handle for handle in handles if not handle.wait_end(max(0.0, deadline_s - time.monotonic()))
    ]
