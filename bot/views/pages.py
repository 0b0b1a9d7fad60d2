"""Pages in Discord: one embed at a time, with buttons when there are several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog

from bot.views.page import Page, fitted, plain

if TYPE_CHECKING:
    from discord.ext import commands

    # A page, or what renders it when a reader turns to it.
    Leaf = Page | Callable[[], Awaitable[Page]]

log = structlog.get_logger(__name__)

PAGER_TIMEOUT_S = 180.0
NOT_YOURS = "These pages are somebody else's. Run the command yourself to turn them."
# Why the last edit of a message may fail: it is gone, its token has expired, the connection broke.
LOST = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError)


async def send_pages(
    ctx: commands.Context[Any], pages: Sequence[Leaf], *, private: bool = False
) -> None:
    """Send the first of *pages*, with buttons to the others.

    Args:
        private: Slash commands are answered for the user alone.
    """
    first = await _rendered(pages[0])
    silent = discord.AllowedMentions.none()
    if not _may_embed(ctx):
        await ctx.send(plain(first), allowed_mentions=silent)
    elif len(pages) == 1:
        await ctx.send(embed=embed_of(first), ephemeral=private, allowed_mentions=silent)
    else:
        pager = Pager(pages, reader=ctx.author.id)
        pager.message = await ctx.send(
            embed=pager.numbered(first), view=pager, ephemeral=private, allowed_mentions=silent
        )


def _may_embed(ctx: commands.Context[Any]) -> bool:
    """Answers to slash commands may always hold embeds."""
    return ctx.interaction is not None or ctx.bot_permissions.embed_links


async def _rendered(leaf: Leaf) -> Page:
    return fitted(leaf if isinstance(leaf, Page) else await leaf())


def embed_of(page: Page) -> discord.Embed:
    """Answer *page* as an embed."""
    embed = discord.Embed(title=page.title, description=page.text or None)
    for field in page.fields:
        embed.add_field(name=field.name, value=field.value, inline=field.inline)
    return embed


class Pager(discord.ui.View):
    """Buttons that turn pages for the one who asked."""

    message: discord.Message | None = None

    def __init__(self, pages: Sequence[Leaf], *, reader: int) -> None:
        super().__init__(timeout=PAGER_TIMEOUT_S)
        self._pages, self._reader, self._at = pages, reader, 0
        self._mark_ends()

    def numbered(self, page: Page) -> discord.Embed:
        """Answer *page*, which is the open one, as an embed with its number."""
        return embed_of(page).set_footer(text=f"{self._at + 1}/{len(self._pages)}")

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Only the one who asked turns the pages."""
        if interaction.user.id == self._reader:
            return True
        await interaction.response.send_message(NOT_YOURS, ephemeral=True)
        return False

    async def on_timeout(self) -> None:
        """Take away buttons that no longer answer."""
        if self.message is not None:
            try:
                await self.message.edit(view=None)
            except LOST as error:
                log.info("pager.not_closed", error=type(error).__name__)

    @discord.ui.button(label="Back", style=discord.ButtonStyle.secondary)
    async def back(
        self, interaction: discord.Interaction[Any], button: discord.ui.Button[Pager]
    ) -> None:
        await self._turn(interaction, -1)

    @discord.ui.button(label="Next", style=discord.ButtonStyle.secondary)
    async def forth(
        self, interaction: discord.Interaction[Any], button: discord.ui.Button[Pager]
    ) -> None:
        await self._turn(interaction, 1)

    async def _turn(self, interaction: discord.Interaction[Any], by: int) -> None:
        self._at = min(max(self._at + by, 0), len(self._pages) - 1)
        page = await _rendered(self._pages[self._at])
        self._mark_ends()
        await interaction.response.edit_message(embed=self.numbered(page), view=self)

    def _mark_ends(self) -> None:
        self.back.disabled = self._at == 0
        self.forth.disabled = self._at == len(self._pages) - 1
