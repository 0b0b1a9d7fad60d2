"""Whether a user would see a reminder in its channel: nobody reads what was said where he has left.

Without the members intent only Discord knows who is a member. It is asked for a few reminders in
a second; of many at once, the others go to their channels as if it had said yes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from bot.plugins.reminders.model import Reminder

ASKED_PER_S, ASKED_AT_ONCE = 5.0, 10  # of 50 calls in a second, most of which are the reminders


class Audience:
    """Who is where, as far as is known."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._paid_until_s = 0.0  # by the loop's clock: what was asked up to now is worth this

    async def sees(self, reminder: Reminder) -> bool:
        """Answer False when the user of *reminder* surely does not see its channel.

        Raises:
            discord.HTTPException: Discord can't say now.
        """
        guild = None if reminder.guild_id is None else self._client.get_guild(reminder.guild_id)
        if guild is None:
            return True  # Discord will say, when it is sent
        member = guild.get_member(reminder.user_id)
        if member is None and guild.chunked:
            return False
        if member is None and self._may_ask():
            try:
                member = await guild.fetch_member(reminder.user_id)
            except discord.NotFound:
                return False
            except discord.Forbidden:
                return True  # it is the bot that is gone
        channel = guild.get_channel_or_thread(reminder.channel_id)
        if member is None or channel is None:
            return True
        if isinstance(channel, discord.Thread) and channel.parent is None:
            return True
        return channel.permissions_for(member).view_channel

    def _may_ask(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        if self._paid_until_s - now_s > ASKED_AT_ONCE / ASKED_PER_S:
            return False
        self._paid_until_s = max(self._paid_until_s, now_s) + 1 / ASKED_PER_S
        return True
