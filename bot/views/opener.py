"""Opens a form for a command: at once for a slash command, by a button for a text command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import discord
import structlog

from bot.views.pages import LOST

if TYPE_CHECKING:
    from discord.ext import commands

log = structlog.get_logger(__name__)

OPENER_TIMEOUT_S = 120.0
NOT_YOURS = "This form is somebody else's. Run the command yourself."


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


class Opener(discord.ui.View):
    """A button that opens a form, for one person."""

    message: discord.Message | None = None

    def __init__(self, form: Callable[[], discord.ui.Modal], *, author: int, label: str) -> None:
        super().__init__(timeout=OPENER_TIMEOUT_S)
        self._form, self._author = form, author
        self.show.label = label

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Only the author of the command fills the form in."""
        if interaction.user.id == self._author:
            return True
        await interaction.response.send_message(NOT_YOURS, ephemeral=True)
        return False

    async def on_timeout(self) -> None:
        """Take away the button that no longer answers."""
        if self.message is not None:
            try:
                await self.message.edit(view=None)
            except LOST as error:
                log.info("opener.not_closed", error=type(error).__name__)

    @discord.ui.button(style=discord.ButtonStyle.primary)
    async def show(
        self, interaction: discord.Interaction[Any], button: discord.ui.Button[Opener]
    ) -> None:
        await interaction.response.send_modal(self._form())
