"""What the kernel says of a process: bounded reads of /proc, psutil where there is none."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from watchdog.health.observation import ProcessSight
from watchdog.heartbeat.identity import Identity

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MAX_THREADS = 512  # looked at; more than that is a leak, not a bot


def read(pid: int) -> ProcessSight | None:
    """Answer the process *pid*, or None when it is gone."""
    if pid <= 0:
        return None
    if sys.platform != "linux":
        return _read_elsewhere(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        tracer_pid = _tracer(Path(f"/proc/{pid}/status").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5); the command name may hold anything, so fields count from the last ")"
    fields = stat.rpartition(b")")[2].split()
    started = int(fields[19]) / TICKS_PER_S
    return ProcessSight(
        identity=Identity(pid=pid, started=started),
        run_state=fields[0].decode("ascii", "replace"),
        parent_pid=int(fields[1]),
        group=int(fields[2]),
        cpu_s=(int(fields[11]) + int(fields[12])) / TICKS_PER_S,
        tracer_pid=tracer_pid,
        age_s=max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started),
    )


def with_threads(process: ProcessSight) -> ProcessSight:
    """Answer *process* with its threads counted that run (R) and that wait for a disk (D)."""
    folder = f"/proc/{process.identity.pid}/task"
    letters = []
    try:
        threads = os.listdir(folder)[:MAX_THREADS]
    except OSError:
        return process
    for thread in threads:
        with contextlib.suppress(OSError):
            stat = Path(f"{folder}/{thread}/stat").read_bytes()
            letters.append(stat.rpartition(b")")[2].split()[0])
    return replace(process, running=letters.count(b"R"), disk_waits=letters.count(b"D"))


def members(group: int) -> list[ProcessSight]:
    """Answer the living processes of the process group *group*; Linux only."""
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile, or is hidden from us
            process = read(int(name))
            if process is not None and process.group == group and process.run_state != "Z":
                found.append(process)
    return found


def _tracer(status: bytes) -> int:
    _, found, rest = status.partition(b"TracerPid:")
    words = rest.split(maxsplit=1)
    return int(words[0]) if found and words and words[0].isdigit() else 0


def _read_elsewhere(pid: int) -> ProcessSight | None:
    import psutil

    letters = {psutil.STATUS_STOPPED: "T", psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_RUNNING: "R"}
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return ProcessSight(
            identity=Identity(pid=pid, started=process.create_time()),
            run_state=letters.get(process.status(), "S"),
            parent_pid=process.ppid(),
            group=os.getpgid(pid),
            cpu_s=times.user + times.system,
            age_s=max(0.0, time.time() - process.create_time()),
        )
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None
