"""Who a process is: pid and start time, as the kernel tells them."""

from __future__ import annotations

import functools
import os
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A process for its whole life: a pid alone is reused, a pid with its start time is not.

    Attributes:
        started: Seconds since boot (field 22 of /proc/PID/stat over the clock tick, proc(5));
            on systems without /proc, the Unix time psutil gives.
    """

    pid: int
    started: float


@functools.cache
def boot_id() -> str:
    """Answer a word that is the same until the machine boots again."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot_at = time.time() - time.monotonic()
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"boot-{round(boot_at / 10)}"))


def read(pid: int) -> Identity | None:
    """Answer the identity of the process *pid*, or None when there is none that we may see."""
    if pid <= 0:
        return None
    if sys.platform == "linux":
        return _read_proc(pid)
    else:  # noqa: RET505 - the type checker follows the platform through both branches
        return _read_psutil(pid)


def _read_proc(pid: int) -> Identity | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None  # gone, or hidden from us by the mount option hidepid
    # The command name may hold spaces and parentheses; fields count from the last ")".
    ticks = int(stat.rpartition(b")")[2].split()[19])
    return Identity(pid=pid, started=ticks / os.sysconf("SC_CLK_TCK"))


def _read_psutil(pid: int) -> Identity | None:
    import psutil

    try:
        return Identity(pid=pid, started=psutil.Process(pid).create_time())
    except psutil.Error:  # gone, or hidden from us
        return None


def own() -> Identity:
    """Answer the identity of this process."""
    identity = read(os.getpid())
    if identity is None:  # a process always sees itself, unless /proc is not mounted
        raise RuntimeError("this process is not listed in /proc; mount it")
    return identity
