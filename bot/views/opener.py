"""Opens a form for a command: at once for a slash command, by a button for a text command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import discord

from bot.views.personal import Personal

if TYPE_CHECKING:
    from discord.ext import commands

OPENER_TIMEOUT_S = 120.0


async def open_form(
    ctx: commands.Context[Any], form: Callable[[], discord.ui.Modal], *, label: str
) -> None:
    """Show the form that *form* makes to the author of the command.

    Args:
        label: Of the button, since Discord shows no form for a message.
    """
    if ctx.interaction is not None:
        await ctx.interaction.response.send_modal(form())
        return
    view = Opener(form, author=ctx.author.id, label=label)
    view.message = await ctx.send("Press the button to fill in the form.", view=view)


class Opener(Personal):
    """A button that opens a form, for one person."""

    not_yours = "This form is somebody else's. Run the command yourself."
    not_closed = "opener.not_closed"

    def __init__(self, form: Callable[[], discord.ui.Modal], *, author: int, label: str) -> None:
        super().__init__(author, timeout_s=OPENER_TIMEOUT_S)
        self._form = form
        self.show.label = label

    @discord.ui.button(style=discord.ButtonStyle.primary)
    async def show(
        self, interaction: discord.Interaction[Any], button: discord.ui.Button[Opener]
    ) -> None:
        await interaction.response.send_modal(self._form())
