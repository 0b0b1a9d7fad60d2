"""The help that is turned like a book: a menu of plugins under the buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord

from bot.plugins.general import catalogue
from bot.views.pages import Pager, send_pages

if TYPE_CHECKING:
    from discord.ext import commands

    from bot.plugins.general.catalogue import Entry
    from bot.views.page import Page

MAX_CHOICES = 25  # of a select menu
MAX_LABEL = 100


class HelpMenu(Pager):
    """The overview first; choosing a plugin shows its commands."""

    def __init__(self, first: Sequence[Page], entries: Sequence[Entry], *, reader: int) -> None:
        super().__init__(first, reader=reader)
        self._first = first
        self._groups = list(catalogue.grouped(entries).items())[: MAX_CHOICES - 1]
        self._choose: discord.ui.Select[HelpMenu] = discord.ui.Select(
            placeholder="Choose a plugin", options=self._options(0)
        )
        self._choose.callback = self._chosen  # type: ignore[method-assign]
        self.add_item(self._choose)

    def _options(self, chosen: int) -> list[discord.SelectOption]:
        named = [("Overview", "All commands by name")]
        named += [(group, _count(len(members))) for group, members in self._groups]
        return [
            discord.SelectOption(
                label=label[:MAX_LABEL], value=str(at), description=text, default=at == chosen
            )
            for at, (label, text) in enumerate(named)
        ]

    async def _chosen(self, interaction: discord.Interaction[Any]) -> None:
        chosen = int(self._choose.values[0])
        self._choose.options = self._options(chosen)
        if chosen == 0:
            self._pages = self._first
        else:
            group, members = self._groups[chosen - 1]
            self._pages = catalogue.pages(members, title=group)
        self._at = 0
        await self._turn(interaction, 0)


def _count(commands_: int) -> str:
    return "1 command" if commands_ == 1 else f"{commands_} commands"


async def send_help(ctx: commands.Context[Any], entries: Sequence[Entry], *, prefix: str) -> None:
    """Send the overview of *entries*, with the menu where there is anything to choose."""
    first = catalogue.overview(entries, prefix=prefix)
    plain = ctx.interaction is None and not ctx.bot_permissions.embed_links
    if plain or len(catalogue.grouped(entries)) < 2:
        await send_pages(ctx, first)
        return
    menu = HelpMenu(first, entries, reader=ctx.author.id)
    silent = discord.AllowedMentions.none()
    menu.message = await ctx.send(embed=menu.numbered(first[0]), view=menu, allowed_mentions=silent)
