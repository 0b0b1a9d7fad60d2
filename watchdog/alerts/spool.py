"""Alerts on disk until they are delivered: bounded, one file each, kept over a restart."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from watchdog.alerts import entry
from watchdog.alerts.alert import Alert
from watchdog.alerts.plan import Key
from watchdog.heartbeat import file

MAX_ENTRIES = 200
MAX_BYTES = 512 * 1024
MAX_LISTED = 4096  # names looked at on opening, whatever else lies in the folder
MAX_TAKEN = 256
MAX_TAKEN_BYTES = 256 * 1024
TAKEN_NAME = "taken.json"
_NAME = re.compile(r"[0-9]{20}-[0-9]{6}\.json")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One alert that waits; *size_bytes* is what it takes on disk."""

    name: str
    alert: Alert
    size_bytes: int


class Spool:
    """The alerts that wait, oldest first, in memory and in *folder*.

    One thread adds and another removes. A disk that can't be written is told once and then
    counted: the alert still waits in memory.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._folder, self._clock_ns = folder, clock_ns
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._waiting: tuple[Stored, ...] = ()  # replaced as a whole, so reading needs no lock
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._disk_failing = False
        self.dropped = self.corrupt = self.unwritten = 0

    @property
    def waiting(self) -> tuple[Stored, ...]:
        """All that waits, oldest first."""
        return self._waiting

    def open(self) -> None:
        """Read what an earlier process left; entries that can't be believed are removed."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            listed = itertools.islice(self._folder.iterdir(), MAX_LISTED)
            names = sorted(path.name for path in listed if _NAME.fullmatch(path.name))
        except OSError as error:
            self._disk_failed(error)
            return
        for name in names:
            self._load(name)
        self._keep_bounds()
        if self._waiting or self.corrupt:
            log.info("alert_spool.opened", waiting=len(self._waiting), corrupt=self.corrupt)

    def add(self, alert: Alert) -> Stored:
        """Let a `bounded` *alert* wait until it is removed or pushed out; in memory only."""
        raw = entry.encode(alert)
        name = f"{self._clock_ns():020d}-{next(self._numbers) % 1_000_000:06d}.json"
        stored = Stored(name=name, alert=alert, size_bytes=len(raw))
        self._append(stored)
        self._keep_bounds()
        return stored

    def keep(self, stored: Stored) -> None:
        """Write to disk what `add` answered; this may take as long as the disk likes."""
        self._write(stored.name, entry.encode(stored.alert))
        if stored not in self._waiting:  # delivered meanwhile
            self._unlink(stored.name)

    def remove(self, stored: Iterable[Stored]) -> None:
        """Forget what was delivered, or never will be."""
        gone = {one.name for one in stored}
        with self._lock:
            self._waiting = tuple(one for one in self._waiting if one.name not in gone)
        for name in gone:
            self._unlink(name)

    def load_taken(self) -> dict[Key, float]:
        """Answer the Unix times at which alerts were taken, as `save_taken` left them."""
        try:
            document = orjson.loads(file.read(self._folder / TAKEN_NAME, max_bytes=MAX_TAKEN_BYTES))
        except (OSError, ValueError):  # not there, not ours or not JSON: repeats are told twice
            return {}
        taken: dict[Key, float] = {}
        for item in document[:MAX_TAKEN] if isinstance(document, list) else ():
            match item:
                case [str(kind), str(key), float(at_s)]:
                    taken[(kind, key)] = at_s
        return taken

    def save_taken(self, taken: dict[Key, float]) -> None:
        """Keep the latest of *taken*, so that a restarted watchdog does not repeat itself."""
        latest = sorted(taken.items(), key=lambda item: item[1])[-MAX_TAKEN:]
        self._write(TAKEN_NAME, orjson.dumps([[*key, float(at_s)] for key, at_s in latest]))

    def _load(self, name: str) -> None:
        try:
            raw = file.read(self._folder / name, max_bytes=entry.MAX_BYTES)
            alert = entry.decode(raw)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self.corrupt += 1
            log.warning("alert_spool.entry_refused", reason=type(error).__name__)
            self._unlink(name)
            return
        self._append(Stored(name=name, alert=alert, size_bytes=len(raw)))

    def _append(self, stored: Stored) -> None:
        with self._lock:
            self._waiting = (*self._waiting, stored)

    def _keep_bounds(self) -> None:
        waiting = self._waiting
        size, oldest = sum(one.size_bytes for one in waiting), 0
        while len(waiting) - oldest > self._max_entries or size > self._max_bytes:
            size -= waiting[oldest].size_bytes
            oldest += 1
        if oldest:
            self.dropped += oldest
            self.remove(waiting[:oldest])

    def _write(self, name: str, raw: bytes) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write(self._folder / name, raw)
        except OSError as error:
            self.unwritten += 1
            self._disk_failed(error)
        else:
            self._disk_failing = False

    def _unlink(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            self._disk_failed(error)

    def _disk_failed(self, error: OSError) -> None:
        if not self._disk_failing:
            log.warning("alert_spool.disk_failed", errno=error.errno)
        self._disk_failing = True
