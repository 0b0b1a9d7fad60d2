"""A backup of the database, when the owner asks for one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.background.background import JobContext
from bot.commands.refusals import Refused
from bot.storage.database import SQLITE_FILE

if TYPE_CHECKING:
    from bot.client import Novera

FOLDER = "backups"


class Backups:
    """Makes it in a thread."""

    def __init__(self, bot: Novera) -> None:
        self._bot = bot

    async def work(self, job: JobContext) -> str:
        """Do the job; answers what was made."""
        from bot.storage import backup

        if self._bot.services.storage.dialect == "postgresql":
            raise Refused(backup.PG_DUMP_ADVICE)
        state_dir = self._bot.settings.state_dir
        make = partial(
            backup.make_dated, state_dir / SQLITE_FILE, state_dir / FOLDER, now=datetime.now(UTC)
        )
        try:
            made = await asyncio.to_thread(make)
        except backup.BackupError as error:
            raise Refused(str(error)) from error
        return f"`{made.path.name}`, {made.size_bytes / 2**20:.1f} MiB."
