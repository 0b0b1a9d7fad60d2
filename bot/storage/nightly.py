"""A backup of SQLite each night, made while the bot serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.clock.wall import utc_now
from bot.storage.backup import FOLDER, BackupError, make_dated
from bot.storage.database import SQLITE_FILE
from bot.storage.rotation import is_due
from bot.tasks.periodic import Periodic

if TYPE_CHECKING:
    from bot.services import Services

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 600.0
FIRST_LOOK_S = 60.0  # after the start, when the machine has other things to do


class NightlyBackups:
    """Looks now and then whether a backup is due, and makes it in a thread.

    Attributes:
        problem: Why the last one failed; None when it did not.
    """

    def __init__(self, services: Services, *, now: Callable[[], datetime] = utc_now) -> None:
        self.problem: str | None = None
        self._tasks, self._now = services.tasks, now
        self._is_sqlite = services.storage.dialect == "sqlite"
        self._database = services.settings.state_dir / SQLITE_FILE
        self._folder = services.settings.state_dir / FOLDER
        self._runner: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on; PostgreSQL's operator has better means."""
        if self._is_sqlite and (self._runner is None or self._runner.done()):
            self._runner = self._tasks.create_task(self._run(), name="nightly-backups")

    def pause(self) -> None:
        """Look no longer; a copy that is being made ends as a file that nobody uses."""
        if self._runner is not None:
            self._runner.cancel()

    async def close(self) -> None:
        """Look no longer."""
        self.pause()
        if self._runner is not None:
            await asyncio.wait({self._runner}, timeout=1.0)

    async def look(self) -> None:
        """Make a backup if one is due."""
        now = self._now()
        try:
            if not await asyncio.to_thread(_wanted, self._database, self._folder, now):
                return
            made = await asyncio.to_thread(make_dated, self._database, self._folder, now=now)
        except (BackupError, OSError) as error:
            # A web page tells it too: where the folder lies is nobody's business.
            self.problem = str(error).replace(f"{self._folder.parent}/", "")
            log.error("backup.failed", problem=self.problem)
        else:
            self.problem = None
            log.info("backup.made", size_bytes=made.size_bytes)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_LOOK_S)
        async with Periodic(
            name="backup", step=self.look, interval_s=LOOK_EVERY_S, tasks=self._tasks
        ):
            await asyncio.Event().wait()


def _wanted(database: Path, folder: Path, now: datetime) -> bool:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return database.is_file() and is_due(names, now)
