"""Exports: what is kept of a server, as a file for the one who asked."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import discord

from bot.background.background import JobContext
from bot.commands.discord_codes import DM_CLOSED
from bot.commands.refusals import Refused
from bot.plugins.jobs import documents

if TYPE_CHECKING:
    from bot.client import Novera


class Exports:
    """Reads, writes the file in a thread, and sends it by direct message: it is private."""

    def __init__(self, bot: Novera) -> None:
        self._bot = bot

    async def work(self, job: JobContext) -> str:
        """Do the job; answers what became of it."""
        from bot.plugins.jobs.store import exported

        what, guild_id, user_id = str(job.args["what"]), job.place.guild_id, job.place.user_id
        if guild_id is None:
            raise Refused("An export is of a server; ask for it there.")
        found = await exported(self._bot.services.storage, what, guild_id=guild_id, user_id=user_id)
        await job.progress(0, found.total)
        write = partial(
            documents.document,
            what,
            found.rows,
            guild_id=guild_id,
            at=datetime.now(UTC),
            total=found.total,
        )
        raw = await asyncio.to_thread(write)
        await self._send(job, f"{what}-{guild_id}.json", raw)
        await job.progress(found.total, found.total)
        return f"{found.total:,} {what}, sent to <@{user_id}> by direct message."

    async def _send(self, job: JobContext, name: str, raw: bytes) -> None:
        user = await self._bot.fetch_user(job.place.user_id)
        try:
            channel = await user.create_dm()
            await channel.send(
                f"What I keep: `{name}`",
                file=discord.File(io.BytesIO(raw), name),
                nonce=job.nonce("file"),
            )
        except discord.Forbidden as error:
            if error.code != DM_CLOSED:
                raise
            raise Refused("I can't write to you. Allow direct messages, then ask again.") from None
