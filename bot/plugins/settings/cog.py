"""`/settings`: a panel of menus and buttons, and the same in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid_group, sub
from bot.commands.refusals import Refused
from bot.plugins.settings import changing, panel
from bot.plugins.settings.changing import Written
from bot.views.page import plain
from bot.views.pages import embed_of

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.plugins.settings.changing import Channels, Roles

Name = Literal[
    "log_channel",
    "welcome_channel",
    "welcome_text",
    "leave_text",
    "autorole",
    "autorole_bots",
    "audit_ignored",
    "ticket_role",
    "prefix",
    "timezone",
    "warnings",
]
MAX_VALUE = 1500


class Settings(commands.Cog, name="Settings"):
    """What can be set for this server: channels, roles, texts, prefix, time zone, warnings."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Panels of any earlier day answer from now on."""
        self.bot.add_dynamic_items(*panel.ITEMS)

    async def cog_unload(self) -> None:
        """They answer no longer."""
        self.bot.remove_dynamic_items(*panel.ITEMS)

    @hybrid_group(
        "Show and change the settings of this server.",
        fallback="show",
        guild=True,
        private=True,
        needs=("manage_guild",),
        examples=("", "set prefix ?", "set timezone Europe/Berlin", "reset autorole"),
    )
    async def settings(self, ctx: commands.Context[Novera]) -> None:
        guild = _guild(ctx)
        page, view = await panel.shown(self.bot, guild, ctx.author.id)
        may_embed = ctx.interaction is not None or ctx.bot_permissions.embed_links
        said: dict[str, Any] = {"embed": embed_of(page)} if may_embed else {"content": plain(page)}
        silent = discord.AllowedMentions.none()
        await ctx.send(view=view, ephemeral=True, allowed_mentions=silent, **said)

    @sub(settings, "Set one thing.", private=True, examples=("prefix ?", "autorole_bots yes"))
    @app_commands.describe(name="What to set.", value="Channel, role, yes or no, or a text.")
    async def set(
        self,
        ctx: commands.Context[Novera],
        name: Name,
        *,
        value: commands.Range[str, 1, MAX_VALUE],
    ) -> None:
        await self._change(ctx, name, value)
        await ctx.send(f"{_words(name)} is set.", ephemeral=True)

    @sub(settings, "Take one setting away.", private=True, examples=("autorole",))
    @app_commands.describe(name="What to take away.")
    async def reset(self, ctx: commands.Context[Novera], name: Name) -> None:
        await self._change(ctx, name, "")
        await ctx.send(f"{_words(name)} is not set any more.", ephemeral=True)

    async def _change(self, ctx: commands.Context[Novera], name: Name, value: str) -> None:
        guild, bot = _guild(ctx), self.bot
        match name:
            case "log_channel" | "welcome_channel":
                channel = await _channel(ctx, value) if value else None
                setting = cast("Channels", f"{name}_id")
                await changing.choose_channel(bot, guild, setting, channel)
            case "audit_ignored":
                places = [(await _place(ctx, each)).id for each in value.split()]
                await changing.leave_out(bot, guild, places)
            case "autorole" | "ticket_role":
                role = await _role(ctx, value) if value else None
                chooser = cast("discord.Member", ctx.author)
                await changing.choose_role(bot, chooser, cast("Roles", f"{name}_id"), role)
            case "autorole_bots":
                await changing.switch(bot, guild.id, name, value)
            case _:
                text: Written = "warn_thresholds" if name == "warnings" else name
                await changing.write(bot, guild.id, text, value)


def _guild(ctx: commands.Context[Novera]) -> discord.Guild:
    if ctx.guild is None:  # the command's own check comes first; this is for the type
        raise commands.NoPrivateMessage
    return ctx.guild


async def _channel(ctx: commands.Context[Novera], value: str) -> int:
    try:
        return (
            await commands.TextChannelConverter().convert(ctx, value.strip().removeprefix("#"))
        ).id
    except commands.ChannelNotFound as error:
        raise Refused("There is no such text channel; mention it as #channel.") from error


async def _place(ctx: commands.Context[Novera], value: str) -> discord.abc.GuildChannel:
    try:
        return await commands.GuildChannelConverter().convert(ctx, value.removeprefix("#"))
    except commands.ChannelNotFound as error:
        raise Refused("There is no such channel; mention them as #one #another.") from error


async def _role(ctx: commands.Context[Novera], value: str) -> int:
    try:
        return (await commands.RoleConverter().convert(ctx, value.strip())).id
    except commands.RoleNotFound as error:
        raise Refused("There is no such role; write its name, or mention it.") from error


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
