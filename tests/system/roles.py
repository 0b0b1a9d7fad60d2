"""Who leads an installation and who is its spare, by the beats and by the processes that live."""

from __future__ import annotations

from pathlib import Path

from tests.system.installation import Installation, until
from watchdog.heartbeat import schema
from watchdog.heartbeat.schema import Heartbeat, HeartbeatError
from watchdog.process.handle import ProcessHandle

WARM_WITHIN_S = 30.0  # a second on an idle machine


def leader(installation: Installation) -> Heartbeat | None:
    """Answer the beat of a living leader that is ready, None without one."""
    return _living(installation.state / "heartbeat.json", "leader")


def spare(installation: Installation) -> Heartbeat | None:
    """Answer the beat of a living spare that is warm, None without one."""
    return _living(installation.state / "heartbeat-spare.json", "spare")


def wait_leader(
    installation: Installation, *, not_pid: int = 0, within_s: float = WARM_WITHIN_S
) -> Heartbeat:
    """Answer the beat of a leader that is ready and is not *not_pid*."""

    def found() -> Heartbeat | None:
        beat = leader(installation)
        return None if beat is None or beat.pid == not_pid else beat

    beat = until(found, "a leader is ready", within_s=within_s)
    assert beat is not None
    return beat


def wait_spare(
    installation: Installation, *, not_pid: int = 0, within_s: float = WARM_WITHIN_S
) -> Heartbeat:
    """Answer the beat of a spare that is warm and is neither *not_pid* nor the leader."""

    def found() -> Heartbeat | None:
        beat, leading = spare(installation), leader(installation)
        if beat is None or leading is None or beat.pid in (not_pid, leading.pid):
            return None
        return beat

    beat = until(found, "a spare is warm", within_s=within_s)
    assert beat is not None
    return beat


def _living(path: Path, role: str) -> Heartbeat | None:
    try:
        beat = schema.decode(path.read_bytes())
    except (FileNotFoundError, HeartbeatError):
        return None
    if beat.role != role or beat.state != "ready":
        return None
    handle = ProcessHandle.open(beat.pid)
    if handle is None:
        return None
    try:
        return None if handle.ended() else beat
    finally:
        handle.close()
