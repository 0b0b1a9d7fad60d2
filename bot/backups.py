"""`python -m bot backup [PATH]` and `python -m bot restore PATH`: what they do, in words."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import ExitCode
from bot.leadership import FileLeadership
from bot.settings import BotSettings
from bot.storage import backup
from bot.storage.backup import BackupError
from bot.storage.database import SQLITE_FILE
from watchdog.heartbeat import privacy


def make(settings: BotSettings, target: Path | None) -> int:
    """Make a backup, also while the bot runs; answers the exit code."""
    try:
        _refuse_postgresql(settings)
        database = settings.state_dir / SQLITE_FILE
        if target is None:
            folder = settings.state_dir / backup.FOLDER
            made = backup.make_dated(database, folder, now=datetime.now(UTC))
        elif target.exists():
            raise BackupError(f"{target} is there already; name a file that is not")
        else:
            made = backup.make(database, target)
    except BackupError as error:
        return _refuse(error)
    sys.stdout.write(f"{made.path}: {made.size_bytes} bytes, checked\n")
    return ExitCode.STOPPED


def restore(settings: BotSettings, path: Path, *, lock: Path) -> int:
    """Put a backup in the place of the database of a bot that is stopped; answers the exit code.

    Args:
        lock: Held by the bot that leads.
    """
    try:
        _refuse_postgresql(settings)
        _check(path)
        _make_folder(settings.state_dir)
        with FileLeadership(lock) as leadership:
            _lead(leadership)
            database = settings.state_dir / SQLITE_FILE
            aside = backup.restore(path, database, now=datetime.now(UTC))
    except BackupError as error:
        return _refuse(error)
    sys.stdout.write(f"{database} is now what {path} was\n")
    if aside is not None:
        sys.stdout.write(f"What was there before is kept as {aside}\n")
    return ExitCode.STOPPED


def _check(path: Path) -> None:
    """Refuse what the bot could not use afterwards."""
    from bot.storage import schema

    revision = backup.inspect(path).revision
    if revision is None:
        raise BackupError(f"{path} has no tables of this bot")
    if revision not in schema.revisions():
        raise BackupError(
            f"{path} is of a newer version of the bot (schema {revision}): install that version"
        )


def _make_folder(path: Path) -> None:
    try:
        privacy.make_folder(path)
    except OSError as error:
        raise BackupError(f"{path} can't be made: {error.strerror}") from error


def _lead(leadership: FileLeadership) -> None:
    """Keep bots from starting, and refuse when one runs."""
    try:
        free = leadership.try_acquire()
    except OSError as error:
        raise BackupError(
            "Nobody can tell here whether the bot runs, since this file system knows no locks: "
            "stop the bot and copy the file by hand"
        ) from error
    if not free:
        raise BackupError(
            f"The bot runs (process {leadership.holder()}): stop it first, with "
            "`.venv/bin/supervisorctl stop bot` where supervisord runs it"
        )


def _refuse_postgresql(settings: BotSettings) -> None:
    if settings.database_url.get_secret_value().strip():
        raise BackupError(backup.PG_DUMP_ADVICE)


def _refuse(error: BackupError) -> int:
    sys.stderr.write(f"{error}. Nothing was changed.\n")
    return ExitCode.FAILED
