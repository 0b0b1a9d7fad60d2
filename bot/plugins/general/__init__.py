"""The general plugin: ping, help, status, about."""

from __future__ import annotations

import asyncio
import math
import platform
import time
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid
from bot.plugins.general import catalogue, status
from bot.plugins.general.pager import send_pages

if TYPE_CHECKING:
    from bot.client import Novera

MAX_MESSAGE = 2000  # characters


class General(commands.Cog, name="General"):
    """What everybody may ask the bot."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    @hybrid("Ask whether I am there; I send your text back.")
    @app_commands.describe(text="What to send back.")
    async def ping(self, ctx: commands.Context[Novera], *, text: str | None = None) -> None:
        answer = f"pong {text}" if text else f"pong{_latency(self.bot)}"
        if len(answer) > MAX_MESSAGE:
            answer = f"{answer[: MAX_MESSAGE - 1]}…"
        await ctx.send(answer, allowed_mentions=discord.AllowedMentions.none())

    @hybrid("What I can do, or how one command is used.")
    @app_commands.describe(command="Name of the command.")
    async def help(self, ctx: commands.Context[Novera], *, command: str | None = None) -> None:
        if command is not None:
            await self._explain(ctx, command.strip().removeprefix(ctx.clean_prefix))
            return
        entries = await _usable(ctx)
        await send_pages(ctx, catalogue.pages(entries, title="What I can do"))

    async def _explain(self, ctx: commands.Context[Novera], name: str) -> None:
        entries = [entry for entry in await _usable(ctx) if entry.name == name.casefold()]
        if not entries:
            await ctx.send(
                "There is no such command, or you may not use it here.",
                ephemeral=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )
            return
        await send_pages(ctx, catalogue.pages(entries, title=f"How to use {name.casefold()}"))

    @help.autocomplete("command")
    async def _complete_help(
        self, interaction: discord.Interaction[Novera], current: str
    ) -> list[app_commands.Choice[str]]:
        context = await self.bot.get_context(interaction)
        names = sorted(entry.name for entry in await _usable(context))
        found = [name for name in names if current.casefold() in name]
        return [app_commands.Choice(name=name, value=name) for name in found[:25]]

    @hybrid("How I am: connection, tasks, commands, memory.")
    async def status(self, ctx: commands.Context[Novera]) -> None:
        services, plugins = self.bot.services, self.bot.plugins
        report = status.describe(
            services.last_beat(),
            services.tasks.snapshot(),
            services.commands.snapshot(),
            uptime_s=time.monotonic() - self.bot.built_at_s,
            plugins=len(plugins.loaded),
            failed_plugins=tuple(plugins.failed),
        )
        await send_pages(ctx, [report])

    @hybrid("What I am made of.")
    async def about(self, ctx: commands.Context[Novera]) -> None:
        beat = self.bot.services.last_beat()
        version = beat.bot.version if beat is not None and beat.bot.version else "unknown"
        page = catalogue.Page(
            title="Novera",
            text="A Discord bot that stays up.",
            fields=(
                catalogue.Field(name="Version", value=version),
                catalogue.Field(
                    name="Up for", value=status.age(time.monotonic() - self.bot.built_at_s)
                ),
                catalogue.Field(
                    name="Made with",
                    value=f"discord.py {discord.__version__}, Python {platform.python_version()}",
                ),
            ),
        )
        await send_pages(ctx, [page])


def _latency(bot: Novera) -> str:
    latency_s = bot.latency
    return f" ({latency_s * 1000:.0f} ms)" if math.isfinite(latency_s) else ""


async def _usable(ctx: commands.Context[Novera]) -> list[catalogue.Entry]:
    """Answer the commands that the author may use here."""
    entries = []
    for command in ctx.bot.walk_commands():
        if not command.hidden and await _may_run(ctx, command):
            entries.append(
                catalogue.Entry(
                    group=command.cog_name or "Other",
                    name=command.qualified_name,
                    usage=f"{ctx.clean_prefix}{command.qualified_name} {command.signature}".strip(),
                    text=command.short_doc or command.description,
                )
            )
    known = {entry.name for entry in entries}
    for slash in ctx.bot.tree.walk_commands(guild=None):
        if not isinstance(slash, app_commands.Command) or hasattr(slash, "wrapped"):
            continue  # a group, or the slash half of a hybrid command
        if slash.qualified_name not in known and _slash_is_open(ctx, slash):
            entries.append(
                catalogue.Entry(
                    group="Slash commands",
                    name=slash.qualified_name,
                    usage=f"/{slash.qualified_name}",
                    text=slash.description,
                )
            )
    return entries


async def _may_run(ctx: commands.Context[Novera], command: commands.Command[Any, ..., Any]) -> bool:
    try:
        return await command.can_run(ctx)
    except (commands.CommandError, app_commands.AppCommandError):
        return False
    finally:
        await asyncio.sleep(0)  # checks of many commands must not hold up the heartbeat


def _slash_is_open(
    ctx: commands.Context[Novera], command: app_commands.Command[Any, ..., Any]
) -> bool:
    """A slash command's own checks take an interaction; with any, it is left to Discord's menu."""
    needed = command.default_permissions or discord.Permissions.none()
    return not command.checks and needed <= ctx.permissions


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    await bot.add_cog(General(bot))
