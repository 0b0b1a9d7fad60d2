"""Commands that say what the audit log leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid_group, sub
from bot.commands.refusals import Refused
from bot.guilds.model import MAX_IGNORED

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.guilds.model import GuildSettings

    Ctx = commands.Context[Novera]

Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel


class AuditChoices(commands.Cog, name="Audit log settings"):
    """Where changes in the server are told, and of which channels not."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    @hybrid_group(
        "Where changes are told, and of which channels not.",
        fallback="show",
        guild=True,
        needs=("manage_guild",),
        private=True,
    )
    async def auditlog(self, ctx: Ctx) -> None:
        settings = await self._settings(ctx)
        if settings.log_channel_id is None:
            await ctx.send("There is no log channel; `/settings` sets one.", ephemeral=True)
            return
        ignored = ", ".join(f"<#{each}>" for each in settings.audit_ignored) or "none"
        await ctx.send(
            f"Changes are told in <#{settings.log_channel_id}>.\n"
            f"Channels whose messages are left out: {ignored}.",
            ephemeral=True,
        )

    @sub(auditlog, "Don't tell of the messages of a channel and its threads.", private=True)
    @app_commands.describe(channel="The channel.")
    async def ignore(self, ctx: Ctx, channel: Place) -> None:
        known = (await self._settings(ctx)).audit_ignored
        if len(known) >= MAX_IGNORED and channel.id not in known:
            raise Refused(f"At most {MAX_IGNORED} channels can be left out.")
        ignored = tuple(dict.fromkeys((*known, channel.id)))
        await self.bot.services.guilds.change(channel.guild.id, audit_ignored=ignored)
        await ctx.send(f"Messages in {channel.mention} are left out.", ephemeral=True)

    @sub(auditlog, "Tell of the messages of a channel again.", private=True)
    @app_commands.describe(channel="The channel.")
    async def watch(self, ctx: Ctx, channel: Place) -> None:
        known = (await self._settings(ctx)).audit_ignored
        # Channels that are gone are forgotten on the way.
        kept = tuple(
            each for each in known if each != channel.id and channel.guild.get_channel(each)
        )
        await self.bot.services.guilds.change(channel.guild.id, audit_ignored=kept)
        await ctx.send(f"Messages in {channel.mention} are told of.", ephemeral=True)

    async def _settings(self, ctx: Ctx) -> GuildSettings:
        if ctx.guild is None:  # the commands are for guilds alone
            raise commands.NoPrivateMessage
        return await self.bot.services.guilds.of(ctx.guild.id)
