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
            StorageError: the database did not answer; nothing is told then, and nothing forgotten.
        """
        store = self._store()
        if not self._asked:
            self._users |= await store.users_to_tell()
            self._asked = True
        if ctx.author.id not in self._users:
            return
        failed = await store.take_untold(ctx.author.id)
        self._users.discard(ctx.author.id)
        if not failed:
            return
        private = ctx.interaction is not None or ctx.guild is None
        text = undelivered(failed, private=private, channel_id=ctx.channel.id)
        try:
            await ctx.send(text, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.warning("reminder.not_told", count=len(failed), error=type(error).__name__)
