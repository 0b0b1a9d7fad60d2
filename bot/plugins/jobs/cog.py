"""Background jobs for the bot's owner, and exports of what is kept of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from discord import app_commands
from discord.ext import commands

from bot.background.progress import line
from bot.commands.hybrid import hybrid, hybrid_group, sub
from bot.commands.refusals import Refused
from bot.plugins.jobs.backup import Backups
from bot.plugins.jobs.export import Exports
from bot.views.page import Page
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera

LISTED = 50
PER_PAGE = 10
MAX_NUMBER = 2**53 - 1  # of Discord's menu; what is larger no database takes either


class Jobs(commands.Cog, name="Jobs"):
    """Work that takes longer: exports, backups, and how far each of them is."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        self._exports, self._backups = Exports(bot), Backups(bot)

    async def cog_load(self) -> None:
        """Say what does which jobs."""
        background = self.bot.services.background
        background.handle("export", self._exports.work)
        background.handle("backup", self._backups.work, resumable=False)
        self.bot.services.storage.preload("bot.plugins.jobs.store")

    async def cog_unload(self) -> None:
        """Jobs of these kinds wait until the plugin is there again."""
        for kind in ("export", "backup"):
            self.bot.services.background.forget(kind)

    @hybrid_group("What I work on in the background.", fallback="list", private=True)
    @app_commands.default_permissions(administrator=True)
    @commands.is_owner()
    async def jobs(self, ctx: commands.Context[Novera]) -> None:
        entries = await self.bot.services.background.newest(LISTED)
        lines = [line(entry) for entry in entries]
        pages = [
            Page(title="Background jobs", text="\n".join(lines[at : at + PER_PAGE]))
            for at in range(0, len(lines), PER_PAGE)
        ]
        none = Page(title="Background jobs", text="There was none yet.")
        await send_pages(ctx, pages or [none], private=True)

    @sub(jobs, "Cancel a job.", private=True)
    @app_commands.describe(job="Its number, as /jobs list shows it.")
    @commands.is_owner()
    async def cancel(
        self, ctx: commands.Context[Novera], job: commands.Range[int, 1, MAX_NUMBER]
    ) -> None:
        await self.bot.services.background.cancel(job)
        await ctx.send(f"Job {job} is cancelled.", ephemeral=True)

    @sub(jobs, "Make a backup of the database now.", private=True)
    @commands.is_owner()
    async def backup(self, ctx: commands.Context[Novera]) -> None:
        number = await self.bot.services.background.submit("backup", ctx, title="Backup")
        await ctx.send(f"I make a backup: job {number}.", ephemeral=True)

    @hybrid("Get what I keep as a JSON file, by direct message.", guild=True, private=True)
    @app_commands.describe(what="Cases and tags of this server, or your own reminders in it.")
    async def export(
        self, ctx: commands.Context[Any], what: Literal["cases", "tags", "reminders"]
    ) -> None:
        if what != "reminders" and not ctx.permissions.manage_guild:
            raise Refused("Only who manages the server may export that; your reminders you may.")
        number = await self.bot.services.background.submit(
            "export", ctx, title=f"Export of {what}", args={"what": what}
        )
        await ctx.send(f"You get the file by direct message: job {number}.", ephemeral=True)
