"""Pages in Discord: one embed at a time, with buttons when there are several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord

from bot.views.page import Page, fitted, plain
from bot.views.personal import Personal

if TYPE_CHECKING:
    from discord.ext import commands

PAGER_TIMEOUT_S = 180.0


async def send_pages(
    ctx: commands.Context[Any], pages: Sequence[Page], *, private: bool = False
) -> None:
    """Send the first of *pages*, with buttons to the others.

    Args:
        private: Slash commands are answered for the user alone.
    """
    first = fitted(pages[0])
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


def embed_of(page: Page) -> discord.Embed:
    """Answer *page* as an embed."""
    embed = discord.Embed(title=page.title, description=page.text or None)
    for field in page.fields:
        embed.add_field(name=field.name, value=field.value, inline=field.inline)
    return embed


class Pager(Personal):
    """Buttons that turn pages for the one who asked."""

    not_yours = "These pages are somebody else's. Run the command yourself to turn them."
    not_closed = "pager.not_closed"

    def __init__(self, pages: Sequence[Page], *, reader: int) -> None:
        super().__init__(reader, timeout_s=PAGER_TIMEOUT_S)
        self._pages, self._at = pages, 0
        self._mark_ends()

    def numbered(self, page: Page) -> discord.Embed:
        """Answer *page*, which is the open one, as an embed with its number."""
        return embed_of(page).set_footer(text=f"{self._at + 1}/{len(self._pages)}")

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
        self._mark_ends()
        page = fitted(self._pages[self._at])
        await interaction.response.edit_message(embed=self.numbered(page), view=self)

    def _mark_ends(self) -> None:
        self.back.disabled = self._at == 0
        self.forth.disabled = self._at == len(self._pages) - 1
