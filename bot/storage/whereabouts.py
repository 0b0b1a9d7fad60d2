"""The file of SQLite: for its owner alone, and seen to stay the one that was opened.

A process goes on with a file that was removed or replaced beneath it, and what it writes then is
gone when it ends. A new connection beside the old ones would play their log into another file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bot.storage.rotation import name_at


class MisplacedError(sqlite3.OperationalError):
    """The file is not the one that was opened."""


class Whereabouts:
    """All but `guard` is for threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None

    def make(self) -> bool:
        """Make the file, if there is none; answers whether it is another one than the last time.

        Raises:
            OSError: it can't be made.
        """
        self._path.touch(mode=0o600)  # its -wal and -shm take over these rights
        before, self._opened = self._opened, self._found()
        return before not in (None, self._opened)

    def is_in_place(self) -> bool:
        """Whether the file is the one that was opened, as far as anybody can tell."""
        try:
            return self._found() == self._opened
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def guard(self, engine: Engine) -> None:
        """Let *engine* open nothing else."""

        @event.listens_for(engine, "do_connect")
        def check(*_: Any) -> None:
            if not self.is_in_place():
                raise MisplacedError(self.advice(None))

    def rescue(self, engine: Engine, now: datetime) -> str:
        """Keep what *engine*'s open connections still see beside it; answers what to do now."""
        aside = self._path.with_name(f"{self._path.stem}-rescued-{name_at(now)}")
        try:
            aside.touch(mode=0o600, exist_ok=False)
            connection = engine.raw_connection()
            try:
                with contextlib.closing(connection.cursor()) as cursor:
                    cursor.execute("VACUUM INTO ?", (str(aside),))
            finally:
                connection.close()
        except (sqlite3.Error, OSError):
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            return self.advice(None)
        return self.advice(aside)

    def advice(self, aside: Path | None) -> str:
        """Answer what happened, and what to do."""
        kept = "" if aside is None else f"; what it held is kept as {aside.name}"
        return (
            f"{self._path.name} was removed or replaced while the bot runs{kept}. What is written"
            " now is lost when it ends: stop it, bring back the file that is to count, start it"
            " (docs/storage.md)"
        )

    def _found(self) -> tuple[int, int]:
        found = os.stat(self._path)
        return (found.st_dev, found.st_ino)
