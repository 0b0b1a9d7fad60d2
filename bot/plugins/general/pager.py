"""Pages in Discord: one embed at a time, with buttons when there are several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord

from bot.plugins.general import catalogue

if TYPE_CHECKING:
    from discord.ext import commands

PAGER_TIMEOUT_S = 180.0


async def send_pages(ctx: commands.Context[Any], pages: Sequence[catalogue.Page]) -> None:
    """Send the first of *pages*, with buttons to the others."""
    first = catalogue.fitted(pages[0])
    silent = discord.AllowedMentions.none()
    if not _may_embed(ctx):
        await ctx.send(catalogue.plain(first), allowed_mentions=silent)
        return
    if len(pages) == 1:
        await ctx.send(embed=embed_of(first), allowed_mentions=silent)
        return
    pager = Pager(pages, reader=ctx.author.id)
    pager.message = await ctx.send(embed=pager.embed(), view=pager, allowed_mentions=silent)


def _may_embed(ctx: commands.Context[Any]) -> bool:
    """Answers to slash commands may always hold embeds."""
    return ctx.interaction is not None or ctx.bot_permissions.embed_links


def embed_of(page: catalogue.Page) -> discord.Embed:
    """Answer *page* as an embed."""
    embed = discord.Embed(title=page.title, description=page.text or None)
    for field in page.fields:
        embed.add_field(name=field.name, value=field.value, inline=field.inline)
    return embed


class Pager(discord.ui.View):
    """Buttons that turn pages for the one who asked."""

    message: discord.Message | None = None

    def __init__(self, pages: Sequence[catalogue.Page], *, reader: int) -> None:
        super().__init__(timeout=PAGER_TIMEOUT_S)
        self._pages, self._reader, self._at = pages, reader, 0
        self._mark_ends()

    def embed(self) -> discord.Embed:
        """Answer the page that is open, numbered."""
        embed = embed_of(catalogue.fitted(self._pages[self._at]))
        return embed.set_footer(text=f"{self._at + 1}/{len(self._pages)}")

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Only the one who asked turns the pages."""
        if interaction.user.id == self._reader:
            return True
        await interaction.response.send_message(
            "Ask for your own list with `help`.", ephemeral=True
        )
        return False

    async def on_timeout(self) -> None:
        """Take away buttons that no longer answer."""
        if self.message is not None:
            try:
                await self.message.edit(view=None)
            except discord.HTTPException:
                return  # deleted meanwhile, or the token of the interaction has expired

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
        await interaction.response.edit_message(embed=self.embed(), view=self)

    def _mark_ends(self) -> None:
        self.back.disabled = self._at == 0
        self.forth.disabled = self._at == len(self._pages) - 1
