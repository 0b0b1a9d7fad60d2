"""Backups of SQLite while the bot runs, and the way back; all of it is for threads."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from bot.errors import BotError
from bot.storage.database import SQLITE_ERRORS
from bot.storage.rotation import name_at, surplus

log = structlog.get_logger(__name__)

FOLDER = "backups"  # in the state folder
BUSY_TIMEOUT_S = 10.0
LEFTOVER_S = 86_400.0  # an unfinished file this old belongs to nobody any more
PG_DUMP_ADVICE = (
    "The data is in PostgreSQL: back it up with its own `pg_dump`, and bring it back with"
    " `pg_restore` while the bot is stopped, as docs/storage.md has it"
)


class BackupError(BotError):
    """No backup was made, or it can't be used; the text is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A file that was read again from beginning to end and found whole.

    Attributes:
        revision: Of its tables; None when it has none.
    """

    path: Path
    size_bytes: int
    revision: str | None


def make(source: Path, target: Path) -> Backup:
    """Copy the database *source*, whoever writes to it meanwhile, to *target*, which is replaced.

    *target* is whole or not there, for its owner alone, and one file without a -wal.

    Raises:
        BackupError: *source* is not there or damaged, or the disk did not take it.
    """
    if not source.is_file():
        raise BackupError(f"There is no database at {source}")
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _copy(source, partial)
        made = inspect(partial)
        _write_through(partial)
        os.replace(partial, target)
        _write_through(target.parent)
    except (*SQLITE_ERRORS, OSError) as error:
        raise BackupError(f"{source} could not be copied to {target}: {error}") from error
    finally:
        for name in (partial.name, f"{partial.name}-journal"):
            with contextlib.suppress(OSError):
                partial.with_name(name).unlink(missing_ok=True)
    return Backup(path=target, size_bytes=made.size_bytes, revision=made.revision)


def make_dated(source: Path, folder: Path, *, now: datetime) -> Backup:
    """Make a backup in *folder*, named after *now*, and take away those that rotation lets go.

    Raises:
        BackupError: no backup was made; then none is taken away either.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BackupError(f"{folder} can't be made: {error.strerror}") from error
    made = make(source, folder / name_at(now))
    _tidy(folder)
    return made


def inspect(path: Path) -> Backup:
    """Read the whole backup *path*.

    Raises:
        BackupError: it can't be read, is damaged, or is no database.
    """
    try:
        size_bytes = path.stat().st_size
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            (found,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
            revision = _revision(opened)
    except (*SQLITE_ERRORS, OSError) as error:
        raise BackupError(f"{path} can't be read: {error}") from error
    if found != "ok":
        raise BackupError(f"{path} is damaged: {found}")
    return Backup(path=path, size_bytes=size_bytes, revision=revision)


def restore(backup: Path, database: Path, *, now: datetime) -> Path | None:
    """Put a copy of *backup* in the place of *database*, which nobody may have open.

    Answers where the present database is now, None when there was none.

    Raises:
        BackupError: nothing was changed.
    """
    incoming = database.with_name(f".{database.name}.restored")
    make(backup, incoming)
    aside = database.with_name(f"{database.stem}-before-{name_at(now)}")
    try:
        with contextlib.suppress(*SQLITE_ERRORS), _opened(database) as present:
            present.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # A -wal that stayed would be played into the file that comes.
        for ending in ("-wal", "-shm"):
            part = database.with_name(f"{database.name}{ending}")
            if part.exists():
                os.replace(part, aside.with_name(f"{aside.name}{ending}"))
        kept = _also_known_as(database, aside)
        os.replace(incoming, database)
        _write_through(database.parent)
    except OSError as error:
        raise BackupError(f"{database} could not be replaced: {error}") from error
    finally:
        incoming.unlink(missing_ok=True)
    return kept


def _also_known_as(database: Path, aside: Path) -> Path | None:
    """Keep *database* under another name, too: at no moment is there none."""
    if not database.exists():
        return None
    try:
        os.link(database, aside)
    except OSError:  # not every file system knows links
        os.replace(database, aside)
    return aside


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that is there."""
    address = f"{path.resolve().as_uri()}?mode=rw"
    with closing(
        sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    ) as opened:
        yield opened


def _copy(source: Path, partial: Path) -> None:
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.close(descriptor)
    with _opened(source) as present, _opened(partial) as copied:
        # In one step: then it is one moment's content, and writers need not wait (WAL).
        present.backup(copied)
        # The copy would need files beside it in the mode that it was copied with.
        copied.execute("PRAGMA journal_mode = DELETE")


def _revision(opened: sqlite3.Connection) -> str | None:
    try:
        row = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:  # no such table
        return None
    return None if row is None else str(row[0])


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tidy(folder: Path) -> None:
    """Take away what is too much; a file that resists is tried again the next night."""
    names = [path.name for path in folder.iterdir()]
    old_s = time.time() - LEFTOVER_S
    for name in [*surplus(names), *(name for name in names if name.endswith(".part"))]:
        path = folder / name
        try:
            if not name.endswith(".part") or path.stat().st_mtime < old_s:
                path.unlink()
        except OSError as error:
            log.warning("backup.not_removed", error=type(error).__name__)
