"""Incident records on disk: `logs/incidents.jsonl`, a line at the opening and one at the close.

Only ever appended to, so a crash can tear the last line at most; the next record then starts on a
line of its own, and reading skips what is not a record.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import structlog

from watchdog.incidents.incident import Incident, decode, encode

MAX_BYTES = 2 * 1024 * 1024
BACKUPS = 2
TAIL_BYTES = 256 * 1024

log = structlog.get_logger(__name__)


class Journal:
    """Append incidents to *path*; a disk that refuses is logged and costs the record only."""

    def __init__(self, path: Path, *, boot_id: str) -> None:
        self._path, self._boot_id = path, boot_id
        self.lost = 0

    def append(self, incident: Incident) -> bool:
        """Write one record; answer whether it is on disk."""
        line = encode(incident, boot_id=self._boot_id)
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)  # somebody may have removed it
            self._rotate(len(line))
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(self._path, flags, 0o600), "r+b", buffering=0) as stream:
                size = stream.seek(0, os.SEEK_END)
                if size and os.pread(stream.fileno(), 1, size - 1) != b"\n":
                    line = b"\n" + line
                stream.write(line)
        except OSError as error:
            self.lost += 1
            log.warning("incident.write_failed", error=error.strerror or str(error))
            return False
        return True

    def last(self, *, now_s: float) -> Incident | None:
        """Answer the newest record that can be read, None without one."""
        for path in (self._path, self._numbered(1)):
            for line in reversed(_tail(path)):
                incident = decode(line, boot_id=self._boot_id, now_s=now_s)
                if incident is not None:
                    return incident
        return None

    def _rotate(self, added: int) -> None:
        try:
            if self._path.stat().st_size + added <= MAX_BYTES:
                return
        except FileNotFoundError:
            return
        for number in range(BACKUPS - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._numbered(number), self._numbered(number + 1))
        os.replace(self._path, self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _tail(path: Path) -> list[bytes]:
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(path, flags), "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL_BYTES))
            return stream.read(TAIL_BYTES).splitlines()
    except OSError:
        return []
