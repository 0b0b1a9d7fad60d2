"""What the processes of an installation hold, memory, descriptors, threads; and how logs grow."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.system.installation import Installation
from tests.system.roles import leader, spare
from watchdog.heartbeat import identity

_RSS = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
_THREADS = re.compile(r"^Threads:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One process at one moment; *age_s* since it started."""

    name: str
    pid: int
    age_s: float
    rss_bytes: int
    descriptors: int
    threads: int


def names(installation: Installation) -> dict[str, int]:
    """Answer who is who, by pid; those that are not there at the moment are left out."""
    found = {"simulator": installation.started[0].pid, "supervisord": installation.started[1].pid}
    watchdog = installation.healthz()[1].get("watchdog_pid")
    if watchdog:
        found["watchdog"] = watchdog
    for name, beat in (("leader", leader(installation)), ("spare", spare(installation))):
        if beat is not None:
            found[name] = beat.pid
    return found


def take(installation: Installation) -> list[Holding]:
    """Answer what each process holds now."""
    return list(_holdings(names(installation)))


def _holdings(pids: dict[str, int]) -> Iterator[Holding]:
    for name, pid in pids.items():
        with contextlib.suppress(OSError):  # it ended meanwhile
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
            rss, threads, who = _RSS.search(status), _THREADS.search(status), identity.read(pid)
            if rss is not None and threads is not None and who is not None:
                yield Holding(
                    name=name,
                    pid=pid,
                    age_s=time.clock_gettime(time.CLOCK_BOOTTIME) - who.started,
                    rss_bytes=int(rss[1]) * 1024,
                    descriptors=len(os.listdir(f"/proc/{pid}/fd")),
                    threads=int(threads[1]),
                )


def sizes(folder: Path) -> dict[str, int]:
    """Answer the bytes of each file in *folder*, rotated ones together with those they were."""
    found: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(OSError):
            if path.is_file():
                name = re.sub(r"\.\d+$", "", path.name)
                found[name] = found.get(name, 0) + path.stat().st_size
    return found
