"""The two ends of the log queue: hand over without waiting, write from a thread."""

from __future__ import annotations

import contextlib
import copy
import logging
import logging.handlers
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import orjson

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 3


class RecordQueueHandler(logging.handlers.QueueHandler):
    """Format in the caller, hand over without ever waiting; what does not fit is counted.

    Attributes:
        dropped: Lines that found the queue full.
        unreadable: Records that could not be formatted, such as one with a missing argument.
    """

    def __init__(self, lines: queue.Queue[Any]) -> None:
        super().__init__(lines)
        self.dropped = self.unreadable = 0

    def losses(self) -> int:
        """Answer how many records never reached the queue."""
        return self.dropped + self.unreadable

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Answer a copy that holds nothing but the finished line."""
        line = self.format(record)
        finished = copy.copy(record)
        finished.msg, finished.args = line, None
        finished.exc_info = finished.exc_text = finished.stack_info = None
        return finished

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put the record on the queue, or drop it when the writer can't keep up."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:
        """Count it; the default would print to stderr, a pipe that may be full."""
        self.unreadable += 1


class RecordFileHandler(logging.handlers.RotatingFileHandler):
    """Rotate by size; a write that fails is counted, and the file is opened anew for the next.

    Attributes:
        lost: Lines that could not be written. Once writing works again, a line tells how many.
    """

    def __init__(
        self,
        path: Path,
        *,
        losses: Callable[[], int],
        max_bytes: int = MAX_BYTES,
        backups: int = BACKUPS,
    ) -> None:
        super().__init__(
            path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", delay=True
        )
        self.lost = 0
        self._losses, self._told, self._is_given_up = losses, 0, False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, to a new file when somebody removed or replaced the old one."""
        if self.stream is not None and not self._is_in_place(self.stream.fileno()):
            self._close_stream()
        lost_before = self.lost
        super().emit(record)
        if self.lost == lost_before:
            self._tell_losses(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Count the line as lost: a disk that can't be written can't be told about either."""
        self.lost += 1
        self._close_stream()

    def give_up(self) -> None:
        """Leave the file to a thread that hangs in it, so that the exit of the process does not.

        `logging` flushes and closes every handler at exit, and would wait for the lock.
        """
        self._is_given_up = True
        # A free lock in place of the one it holds, of a kind that it may release all the same.
        self.lock = cast(Any, threading.Semaphore())

    def flush(self) -> None:
        """Flush the file, unless it was given up."""
        if not self._is_given_up:
            super().flush()

    def close(self) -> None:
        """Close the file, unless it was given up."""
        if not self._is_given_up:
            super().close()

    def _open(self) -> Any:
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        stream = os.fdopen(os.open(path, flags, 0o600), self.mode, encoding=self.encoding)
        if _ends_torn(path):  # a writer was killed, or the disk was full, within a line
            stream.write(self.terminator)
        return stream

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            status, own = os.stat(self.baseFilename), os.fstat(descriptor)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == (own.st_dev, own.st_ino)

    def _close_stream(self) -> None:
        if self.stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self.stream.close()
            self.stream = None  # RotatingFileHandler opens it again

    def _tell_losses(self, record: logging.LogRecord) -> None:
        lost = self.lost + self._losses()
        if lost == self._told:
            return
        told = copy.copy(record)
        line = {
            "timestamp": orjson.loads(record.getMessage()).get("timestamp"),
            "level": "warning",
            "event": "records.lost",
            "logger": __name__,
            "lost": lost - self._told,
        }
        self._told = lost
        told.msg = orjson.dumps(line).decode()
        super().emit(told)


def _ends_torn(path: Path) -> bool:
    try:
        with path.open("rb") as written:
            if written.seek(0, os.SEEK_END) == 0:
                return False
            written.seek(-1, os.SEEK_END)
            return written.read(1) != b"\n"
    except OSError:  # a device, such as /dev/null, has no last byte
        return False
