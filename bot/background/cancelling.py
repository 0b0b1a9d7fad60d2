"""The button that cancels a background job, in whatever process it is pressed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.background.entry import may_cancel
from bot.commands.refusals import Refused

if TYPE_CHECKING:
    from bot.background.background import BackgroundJobs


class CancelButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"job:cancel:(?P<job>[0-9]{1,18})"
):
    """All that it needs is in its custom id."""

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        super().__init__(
            discord.ui.Button(
                label="Cancel",
                style=discord.ButtonStyle.secondary,
                custom_id=f"job:cancel:{job_id}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> Self:
        """Answer the button of a message that any process posted."""
        return cls(int(match["job"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Cancel the job, if the one who pressed may."""
        background: BackgroundJobs = interaction.client.services.background
        entry = await background.find(self.job_id)
        here = interaction.message
        # A new database gives old ids again.
        others = entry is not None and here is not None and entry.message_id not in (None, here.id)
        if entry is None or others:
            raise Refused("That job is so long over that I have forgotten it.")
        manages = interaction.guild is not None and interaction.permissions.manage_guild
        if not may_cancel(
            entry,
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
            manages_guild=manages,
        ):
            raise Refused("Only who asked for this, or who manages the server, may cancel it.")
        await background.cancel(self.job_id)
        await interaction.response.send_message(f"Job {self.job_id} is cancelled.", ephemeral=True)
