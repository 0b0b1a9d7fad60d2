"""Events that could not be parsed: set aside in `logs/quarantine.jsonl`, for whoever mends it.

This file is the one place where payloads of Discord are written, so it may hold what people wrote
and short-lived interaction tokens: it is readable by its owner alone, bounded, and never logged.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import structlog

log = structlog.get_logger(__name__)

MAX_RAW = 16 * 1024  # characters kept of one payload
MAX_ERROR = 500
MAX_FILE_BYTES = 2 * 1024 * 1024  # then it is renamed to quarantine.jsonl.1
MAX_WAITING = 64
_JOIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A payload and what was wrong with it; *at_s* is Unix time in seconds."""

    at_s: float
    shard_id: int
    op: int | None
    event: str | None
    sequence: int | None
    error: str
    raw: str

    def encode(self) -> bytes:
        """Answer one line of JSON, bounded."""
        line = asdict(self)
        line["error"], line["raw"] = self.error[:MAX_ERROR], self.raw[:MAX_RAW]
        line["raw_characters"] = len(self.raw)
        # Half a surrogate pair is no UTF-8: such a payload is the very thing that comes here.
        for key in ("event", "error", "raw"):
            if line[key] is not None:
                line[key] = line[key].encode("utf-8", "replace").decode()
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


class Quarantine:
    """Appends in a thread of its own, started by the first entry; the loop never waits for it."""

    def __init__(self, path: Path, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self.count = 0
        self.unwritten = 0
        self._path, self._max_file_bytes = path, max_file_bytes
        self._waiting: queue.Queue[Quarantined | threading.Event | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._warned = False

    def put(self, entry: Quarantined) -> None:
        """Count *entry* and have it written; what does not fit is counted only."""
        self.count += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="quarantine", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self.unwritten += 1

    async def settled(self) -> None:
        """Answer once what was put so far is written, or a second is over: the disk may hang."""
        written = threading.Event()
        try:
            self._waiting.put_nowait(written)
        except queue.Full:
            return
        await asyncio.to_thread(written.wait, _JOIN_S)

    async def close(self) -> None:
        """Write what waits, for a second at most."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return  # the disk hangs; the thread is a daemon
        await asyncio.to_thread(thread.join, _JOIN_S)

    def append(self, entry: Quarantined) -> None:
        """Write *entry*; the file is renamed first when it has grown too long.

        Raises:
            OSError: the disk is full, read-only or gone.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        line = entry.encode()
        descriptor = os.open(self._path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and size + len(line) > self._max_file_bytes:
                os.replace(self._path, self._path.with_name(f"{self._path.name}.1"))
                os.close(descriptor)
                descriptor = os.open(self._path, flags, 0o600)
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _run(self) -> None:
        while (entry := self._waiting.get()) is not None:
            if isinstance(entry, threading.Event):
                entry.set()
                continue
            try:
                self.append(entry)
            except OSError as error:
                self.unwritten += 1
                if not self._warned:
                    self._warned = True
                    log.warning("quarantine.unwritten", error=type(error).__name__)
