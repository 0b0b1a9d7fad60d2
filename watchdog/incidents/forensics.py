"""Evidence that is gone once the process is: gathered before it is killed, bounded, best effort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from watchdog.health.observation import Sight
from watchdog.health.progress import Progress

_STATUS_KEYS = ("State", "Threads", "VmRSS", "VmSwap", "TracerPid", "SigPnd", "ShdPnd", "SigBlk")


def gather(sight: Sight, progress: Progress) -> dict[str, Any]:
    """Answer what can be seen of the bot from outside, and what it last said of itself."""
    evidence: dict[str, Any] = {
        "stalled_s": round(progress.stalled_s, 2),
        "missing_s": round(progress.missing_s, 2),
        "burned_cpu_s": round(progress.burned_s, 2),
    }
    process, beat = sight.process, sight.beat.beat
    if process is not None:
        pid = process.identity.pid
        evidence |= {
            "pid": pid,
            "process_started": process.identity.started,
            "run_state": process.run_state,
            "cpu_s": process.cpu_s,
            "age_s": round(process.age_s, 1),
            "status": _status(pid),
            "wchan": _read(Path(f"/proc/{pid}/wchan")).strip()[:64],
        }
    if beat is not None:
        evidence |= {
            "state": beat.state,
            "sequence": beat.sequence,
            "pulse": beat.loop.pulse,
            "blocked_s": beat.loop.blocked_s,
            "gateway_connected": beat.gateway.connected,
            "tasks_active": beat.tasks.active,
            "rss_bytes": beat.process.rss_bytes,
        }
    if sight.beat.trouble is not None:
        evidence["heartbeat"] = sight.beat.trouble
    return evidence


def _status(pid: int) -> dict[str, str]:
    found = {}
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        key, _, value = line.partition(":")
        if key in _STATUS_KEYS:
            found[key] = value.strip()[:64]
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(16 * 1024).decode("utf-8", "replace")
    except OSError:
        return ""
