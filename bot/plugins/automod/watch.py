"""What automod sees on its own: messages, edits, joins, invites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import discord
from discord.ext import commands

from bot.pipeline.stages import is_ignored
from bot.plugins.automod.screening import Screening

if TYPE_CHECKING:
    from bot.client import Novera

JUDGE_BUDGET_S = 1.0


class AutomodWatch(commands.Cog, name="Automod watch"):
    """Rules for messages and joins, which each server switches on for itself."""

    features: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Automod": ("manage_messages", "moderate_members"),
        "Automod: new accounts": ("kick_members",),
        "Automod: own invites, Discord's rules": ("manage_guild",),
    }
    intents: ClassVar[tuple[str, ...]] = ("message_content", "members")

    def __init__(self, bot: Novera, screening: Screening) -> None:
        self.bot, self.screening = bot, screening

    async def cog_load(self) -> None:
        """Take the place in the pipeline."""
        self.bot.pipeline.add(
            "automod", self.screening.see, name="automod", budget_s=JUDGE_BUDGET_S
        )

    async def cog_unload(self) -> None:
        """Leave it."""
        self.bot.pipeline.remove("automod")

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """What is written into an old message counts as well; links that unfold do not."""
        message, before = payload.message, payload.cached_message
        same = before is not None and before.content == message.content
        if message.edited_at is not None and not same and not is_ignored(message):
            await self.screening.see(message, is_edit=True)

    @commands.Cog.listener()
    async def on_member_join(self, member: discord.Member) -> None:
        """Look at the age of the account."""
        book = self.screening.book_of(await self.bot.services.guilds.of(member.guild.id))
        config = book.config if book is not None else None
        rule = config.rules["joins"] if config is not None else None
        if config is None or rule is None or not rule.enabled or member.bot:
            return
        age = (member.joined_at or discord.utils.utcnow()) - member.created_at
        if age.total_seconds() < rule.age_hours * 3600:
            await self.screening.deeds.on_join(member, config)

    @commands.Cog.listener()
    async def on_invite_create(self, invite: discord.Invite) -> None:
        """Own invites are allowed."""
        if invite.guild is not None:
            self.screening.invites.add(invite.guild.id, invite.code)

    @commands.Cog.listener()
    async def on_invite_delete(self, invite: discord.Invite) -> None:
        """They are as long as they work."""
        if invite.guild is not None:
            self.screening.invites.forget(invite.guild.id, invite.code)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Nothing is kept of a server that the bot has left."""
        self.screening.forget(guild.id)
