"""Tells users of reminders that could not be delivered, when they use the bot the next time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog
from discord.ext import commands

from bot.plugins.reminders.model import undelivered

if TYPE_CHECKING:
    from bot.plugins.reminders.store import ReminderStore

log = structlog.get_logger(__name__)


class Telling:
    """Who is to be told is known in memory, so that a command costs no question otherwise."""

    def __init__(self, store: Callable[[], ReminderStore]) -> None:
        self._store = store
        self._users: set[int] = set()
        self._asked = False

    def add(self, user_id: int) -> None:
        """A reminder of this user has failed."""
        self._users.add(user_id)

    async def tell(self, ctx: commands.Context[Any]) -> None:
        """Tell the author of a command, if there is something to tell.

        Raises:
            StorageError: the database did not answer; nothing is forgotten.
        """
        if not self._asked:
            found = await self._store().users_to_tell(discord.utils.utcnow())
            if not self._asked:
                self._users |= found
                self._asked = True
        user_id = ctx.author.id
        if user_id not in self._users:
            return
        self._users.discard(user_id)  # of two commands at once one tells
        told = False
        try:
            told = await self._told(ctx)
        finally:
            if not told:
                self._users.add(user_id)

    async def _told(self, ctx: commands.Context[Any]) -> bool:
        """Answer False when it could not be said here."""
        failed = await self._store().untold(ctx.author.id)
        if not failed:
            return True
        private = ctx.interaction is not None or ctx.guild is None
        text = undelivered(failed, here=None if private else ctx.channel.id)
        try:
            await ctx.send(text, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.warning("reminder.not_told", count=len(failed), error=type(error).__name__)
            return False
        await self._store().note_told(failed)
        return True
