"""The buttons under a reminder that put it off; all they need to know is in their `custom_id`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Self

import discord

from bot.moments import timezones
from bot.moments.moments import stamped
from bot.plugins.reminders.model import MAX_OPEN, NewReminder
from bot.plugins.reminders.repeats import tomorrow

CHOICES = {"10": "10 min", "60": "1 h", "day": "Tomorrow"}
NOT_YOURS = "This is somebody else's reminder."
GONE = "I no longer know this reminder."
PUT_OFF = "You have put this off before: it was to come {at}."
TOO_MANY = f"You have {MAX_OPEN} open reminders, the most that I keep. Cancel one first."


class Snooze(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"reminder:snooze:(?P<reminder>[0-9]{1,18}):(?P<choice>10|60|day)",
):
    """A press keeps a new reminder of the same text; the one that was sent stays as it is."""

    def __init__(self, reminder_id: int, choice: str) -> None:
        self.reminder_id, self.choice = reminder_id, choice
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=CHOICES[choice],
            emoji="💤",
            style=discord.ButtonStyle.secondary,
            custom_id=f"reminder:snooze:{reminder_id}:{choice}",
        )
        super().__init__(button)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the item of a message that may be of any age."""
        return cls(int(match["reminder"]), match["choice"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Keep the new reminder, and show until when in place of the buttons."""
        from bot.plugins.reminders.store import ReminderStore, TooManyError

        store = ReminderStore(interaction.client.services)
        reminder = await store.get(self.reminder_id)
        message = interaction.message
        if reminder is None or message is None:
            await interaction.response.send_message(GONE, ephemeral=True)
            return
        if reminder.user_id != interaction.user.id:
            await interaction.response.send_message(NOT_YOURS, ephemeral=True)
            return
        now = interaction.created_at
        new = NewReminder(
            user_id=reminder.user_id,
            guild_id=reminder.guild_id,
            channel_id=reminder.channel_id,
            message_id=reminder.message_id,
            origin=message.id,  # a second press finds what the first one made
            text=reminder.text,
            due_at=_until(self.choice, now, reminder.timezone),
            repeat=None,
            timezone=reminder.timezone,
        )
        try:
            kept = await store.create(new, now)
        except TooManyError:
            await interaction.response.send_message(TOO_MANY, ephemeral=True)
            return
        if kept.state != "pending":
            text = PUT_OFF.format(at=stamped(kept.due_at))
            await interaction.response.send_message(text, ephemeral=True)
            return
        await interaction.response.edit_message(
            content=f"{message.content}\n-# 💤 until {stamped(kept.due_at)}",
            view=None,
            allowed_mentions=discord.AllowedMentions.none(),
        )


def snooze_buttons(reminder_id: int) -> discord.ui.View:
    """Answer the buttons of a reminder; they are handled by `Snooze`, not by this view."""
    view = discord.ui.View(timeout=None)
    for choice in CHOICES:
        view.add_item(Snooze(reminder_id, choice))
    return view


def _until(choice: str, now: datetime, timezone: str) -> datetime:
    if choice == "day":
        return tomorrow(now, timezones.zone(timezone))
    return now + timedelta(minutes=int(choice))
