"""The buttons of tickets, which work in any process, and the form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import discord

from bot.commands.refusals import Refused
from bot.plugins.tickets import model
from bot.views.forms import Form

if TYPE_CHECKING:

    class Counter(Protocol):
        """What the buttons are for."""

        async def begin(self, interaction: discord.Interaction[Any]) -> None: ...

        async def submit(
            self, interaction: discord.Interaction[Any], subject: str, text: str
        ) -> None: ...

        async def ask_to_close(
            self, interaction: discord.Interaction[Any], ticket_id: int
        ) -> None: ...


def _counter(interaction: discord.Interaction[Any]) -> Counter:
    found = interaction.client.get_cog("Tickets")
    if found is None:
        raise Refused("Tickets are switched off at the moment.")
    return cast("Counter", found)


class OpenButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=model.OPEN):
    """The button of a panel."""

    def __init__(self) -> None:
        super().__init__(
            discord.ui.Button(
                label="Open a ticket",
                style=discord.ButtonStyle.primary,
                custom_id=model.OPEN_ID,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the button that was pressed."""
        return cls()

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the form."""
        await _counter(interaction).begin(interaction)


class CloseButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=model.CLOSE):
    """The button in a ticket's thread."""

    def __init__(self, ticket_id: int) -> None:
        super().__init__(
            discord.ui.Button(
                label="Close", style=discord.ButtonStyle.danger, custom_id=model.close_id(ticket_id)
            )
        )
        self._ticket_id = ticket_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the button that was pressed."""
        return cls(int(match["ticket"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask whether to close."""
        await _counter(interaction).ask_to_close(interaction, self._ticket_id)


ITEMS = (OpenButton, CloseButton)


def panel_view() -> discord.ui.View:
    """Answer what a ticket panel bears."""
    return discord.ui.View(timeout=None).add_item(OpenButton())


def close_view(ticket_id: int) -> discord.ui.View:
    """Answer what the first message of a ticket bears."""
    return discord.ui.View(timeout=None).add_item(CloseButton(ticket_id))


class TicketForm(Form):
    """Subject and text."""

    def __init__(self) -> None:
        super().__init__("Open a ticket")
        self._subject: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="subject", max_length=model.MAX_SUBJECT
        )
        self._text: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="text", style=discord.TextStyle.paragraph, max_length=model.MAX_TEXT
        )
        self.add_item(discord.ui.Label(text="Subject", component=self._subject))
        self.add_item(discord.ui.Label(text="What is it about?", component=self._text))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Open the ticket."""
        await _counter(interaction).submit(
            interaction, self._subject.value.strip() or "No subject", self._text.value.strip()
        )
