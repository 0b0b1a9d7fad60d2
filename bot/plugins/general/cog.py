"""What everybody may ask the bot."""

from __future__ import annotations

import math
import platform
import time
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid
from bot.commands.refusals import Refused
from bot.plugins.general import catalogue, preflight, search, standing, status
from bot.plugins.general.did_you_mean import DidYouMean
from bot.plugins.general.menu import send_help
from bot.plugins.general.usable import prefix_here, usable
from bot.views.page import MAX_MESSAGE, Field, Page
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera

    Context = commands.Context[Novera]


class General(commands.Cog, name="General"):
    """Whether the bot is there, what it can do, and how it is."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Look at the text commands that nobody knows, last of all."""
        self.bot.pipeline.add("listeners", DidYouMean(self.bot), name=DidYouMean.name)

    async def cog_unload(self) -> None:
        """Look at them no more."""
        self.bot.pipeline.remove(DidYouMean.name)

    @hybrid("Ask whether I am there; I send your text back.", examples=["hello"])
    @app_commands.describe(text="What to send back.")
    async def ping(self, ctx: Context, *, text: str | None = None) -> None:
        answer = f"pong {text}" if text else f"pong{_latency(self.bot)}"
        if len(answer) > MAX_MESSAGE:
            answer = f"{answer[: MAX_MESSAGE - 1]}…"
        await ctx.send(answer, allowed_mentions=discord.AllowedMentions.none())

    @hybrid("What I can do, or how a command is used.", examples=["ping", "remind"])
    @app_commands.describe(query="A command, a plugin, or any word to search for.")
    async def help(self, ctx: Context, *, query: str | None = None) -> None:
        entries = await usable(ctx)
        prefix = prefix_here(self.bot, ctx.guild)
        wanted = (query or "").strip().removeprefix(prefix).removeprefix("/").strip()
        if not wanted:
            await send_help(ctx, entries, prefix=prefix)
        elif entry := search.named(entries, wanted):
            parts = [each for each in entries if each.name in entry.parts]
            await send_pages(ctx, catalogue.details(entry, parts))
        else:
            await send_pages(ctx, _found(entries, wanted))

    @help.autocomplete("query")
    async def _complete_help(
        self, interaction: discord.Interaction[Novera], current: str
    ) -> list[app_commands.Choice[str]]:
        entries = await usable(await self.bot.get_context(interaction))
        found = search.find(entries, current) if current.strip() else entries
        names = [entry.name for entry in found[: search.MAX_FOUND]]
        return [app_commands.Choice(name=name, value=name) for name in names]

    @hybrid("How I am, and what I lack in this server.")
    async def status(self, ctx: Context) -> None:
        services, plugins = self.bot.services, self.bot.plugins
        now_s = time.monotonic()
        report = status.describe(
            services.last_beat(),
            services.tasks.snapshot(),
            services.commands.snapshot(),
            uptime_s=now_s - self.bot.built_at_s,
            plugins=len(plugins.loaded),
            failed_plugins=tuple(plugins.failed),
        )
        inside = status.inside(
            self.bot.pipeline.snapshot(),
            services.database(),
            self.bot.discord_time.skew(),
        )
        pages = [report, inside]
        if ctx.guild is not None:
            features = standing.features(self.bot)
            here = standing.standing(ctx, ctx.guild, features)
            pages.insert(1, preflight.describe(features, here))
        await send_pages(ctx, pages)

    @hybrid("What I am made of.")
    async def about(self, ctx: Context) -> None:
        beat = self.bot.services.last_beat()
        version = beat.bot.version if beat is not None and beat.bot.version else "unknown"
        library = f"discord.py {discord.__version__}, Python {platform.python_version()}"
        page = Page(
            title="Novera",
            text="A Discord bot that stays up.",
            fields=(
                Field(name="Version", value=version),
                Field(name="Up for", value=status.age(time.monotonic() - self.bot.built_at_s)),
                Field(name="Made with", value=library),
            ),
        )
        await send_pages(ctx, [page])


def _found(entries: list[catalogue.Entry], wanted: str) -> list[Page]:
    """Answer a plugin's pages, else what was found.

    Raises:
        Refused: there is nothing of the kind.
    """
    for group, members in catalogue.grouped(entries).items():
        if group.casefold() == wanted.casefold():
            return catalogue.pages(members, title=group)
    if found := search.find(entries, wanted):
        return catalogue.pages(found, title=f"Commands for “{wanted}”")
    raise Refused("There is no such command, or you may not use it here.")


def _latency(bot: Novera) -> str:
    latency_s = bot.latency
    return f" ({latency_s * 1000:.0f} ms)" if math.isfinite(latency_s) else ""
