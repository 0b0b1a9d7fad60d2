"""The form in which a tag's text is written on several lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord

from bot.plugins.tags.naming import MAX_CONTENT
from bot.views.forms import Form

if TYPE_CHECKING:
    Writer = discord.User | discord.Member
    Save = Callable[[str, Writer], Awaitable[str]]


class TagForm(Form):
    """Asks for the text, and answers with what *save* says of it."""

    content: discord.ui.TextInput[TagForm] = discord.ui.TextInput(
        label="Text", style=discord.TextStyle.paragraph, max_length=MAX_CONTENT
    )

    def __init__(self, title: str, *, save: Save, content: str = "") -> None:
        super().__init__(title)
        self.save = save
        if content:
            self.content.default = content

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """The text was sent."""
        answer = await self.save(self.content.value, interaction.user)
        await interaction.response.send_message(answer, ephemeral=True)
