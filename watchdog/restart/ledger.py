"""The history on disk: `state/restarts.json`, replaced whole, believed only as far as it reads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from watchdog.heartbeat import file, identity
from watchdog.heartbeat.schema import HeartbeatError
from watchdog.restart.history import History, Now, decode, encode

COMPLAIN_EVERY_S = 60.0

log = structlog.get_logger(__name__)


def now() -> Now:
    """Answer this moment by both clocks."""
    return Now(monotonic_s=time.monotonic(), unix_s=time.time(), boot_id=identity.boot_id())


class Ledger:
    """Keep the history in memory, and on disk as well as the disk allows."""

    def __init__(self, path: Path, *, moment: Callable[[], Now] = now) -> None:
        self._path, self._moment = path, moment
        self._saved = True
        self._complained_at_s = float("-inf")
        self.history = self._load()

    def update(self, history: History) -> None:
        """Remember *history*; a disk that refuses is told, and tried again by `flush`."""
        if history != self.history:
            self.history = history
            self._saved = False
        self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._saved:
            return
        try:
            _write_durably(self._path, encode(self.history, self._moment()))
        except OSError as error:
            now_s = self._moment().monotonic_s
            if now_s - self._complained_at_s >= COMPLAIN_EVERY_S:
                self._complained_at_s = now_s
                log.warning("ledger.write_failed", error=error.strerror or str(error))
            return
        self._saved = True

    def _load(self) -> History:
        try:
            raw = file.read(self._path)
        except FileNotFoundError:
            return History()
        except (HeartbeatError, OSError) as error:
            log.warning("ledger.read_failed", error=str(error))
            return History()
        history = decode(raw, self._moment())
        if history is None:
            log.warning("ledger.read_failed", error="not a history")
            return History()
        return history


def _write_durably(path: Path, raw: bytes) -> None:
    """Replace *path* by *raw* so that even a power cut leaves the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with open(os.open(temporary, flags, 0o600), "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
