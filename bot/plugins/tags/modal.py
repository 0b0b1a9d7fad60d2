"""The form in which a tag's text is written on several lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord

from bot.plugins.tags.naming import MAX_CONTENT

if TYPE_CHECKING:
    Save = Callable[[str], Awaitable[str]]

TITLE_LIMIT = 45


class TagForm(discord.ui.Modal):
    """Asks for the text, and answers with what *save* says of it."""

    content: discord.ui.TextInput[TagForm] = discord.ui.TextInput(
        label="Text", style=discord.TextStyle.paragraph, max_length=MAX_CONTENT
    )

    def __init__(self, title: str, *, save: Save, content: str = "") -> None:
        super().__init__(title=title if len(title) <= TITLE_LIMIT else f"{title[:44]}…")
        self.save = save
        if content:
            self.content.default = content

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """The text was sent."""
        answer = await self.save(self.content.value)
        await interaction.response.send_message(answer, ephemeral=True)
