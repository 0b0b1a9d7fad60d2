"""Has `.env` changed? A stat at every poll, and the content only when the stat differs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

MAX_BYTES = 256 * 1024
NO_FILE = "none"


class SettingsFile:
    """Answer a mark that is another one when the content of *path* is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._mark = NO_FILE

    def mark(self) -> str:
        """Answer the mark of the content now; a file that can't be read has the mark of none."""
        try:
            status = os.stat(self._path)
        except OSError:
            self._seen, self._mark = None, NO_FILE
            return self._mark
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen != self._seen:
            self._mark = self._digest()
            self._seen = seen
        return self._mark

    def _digest(self) -> str:
        try:
            # O_NONBLOCK: somebody may have put a FIFO there, and opening one waits for a writer
            with open(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as f:
                return hashlib.sha256(f.read(MAX_BYTES)).hexdigest()
        except OSError:
            return NO_FILE
