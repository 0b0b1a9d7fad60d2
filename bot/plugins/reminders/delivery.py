"""Brings a reminder to its user: in its channel, else directly, else it has failed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from bot.moments import timezones
from bot.plugins.reminders.items import snooze_buttons
from bot.plugins.reminders.model import Reminder, announcement
from bot.plugins.reminders.repeats import from_text, next_due
from bot.timers.outcome import DONE, GiveUp, Outcome, Retry

if TYPE_CHECKING:
    from bot.plugins.reminders.store import ReminderStore
    from bot.timers.timer import Timer

log = structlog.get_logger(__name__)

AWAY = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError)
RETRY_S, RETRY_CAP_S = 5.0, 300.0
DELETED = 10008  # the message with this nonce was sent, and somebody has deleted it
OUR_FAULT = (401, 429)  # of all requests, not of this channel


class Delivery:
    """The handler of the timers of reminders."""

    def __init__(
        self,
        client: discord.Client,
        store: Callable[[], ReminderStore],
        *,
        now: Callable[[], datetime],
        on_failed: Callable[[int], None],
    ) -> None:
        self._client, self._store, self._now = client, store, now
        self._on_failed = on_failed

    async def deliver(self, timer: Timer) -> Outcome:
        """Send the reminder of *timer*, once, however often this is tried."""
        store = self._store()
        reminder = await store.due(timer.ref or 0, timer.id)
        if reminder is None:
            return DONE
        late_s = max(0.0, (self._now() - timer.due_at) / timedelta(seconds=1))
        try:
            why = await self._send(reminder, timer.nonce, late_s)
        except AWAY as error:
            log.info("reminder.delayed", reminder_id=reminder.id, error=type(error).__name__)
            return Retry(min(RETRY_CAP_S, RETRY_S * 2.0 ** min(timer.attempts, 10)))
        now = self._now()
        next_at = None
        if reminder.repeat is not None and why is None:
            zone, rule = timezones.zone(reminder.timezone), from_text(reminder.repeat)
            next_at = next_due(rule, reminder.due_at, now=now, zone=zone)
        state = "sent" if why is None else "failed"
        await store.finish(reminder.id, timer.id, state=state, now=now, next_at=next_at)
        if why is None:
            return DONE
        log.warning("reminder.failed", reminder_id=reminder.id, why=why)
        self._on_failed(reminder.user_id)
        return GiveUp(why)

    async def _send(self, reminder: Reminder, nonce: str, late_s: float) -> str | None:
        """Answer why neither way was open, None when it was sent."""
        refusal = "the user has left the server"
        if self._is_there(reminder):
            channel = self._client.get_partial_messageable(
                reminder.channel_id, guild_id=reminder.guild_id
            )
            text = announcement(reminder, late_s=late_s, directly=reminder.guild_id is None)
            found = await self._post(channel, text, reminder, nonce)
            if found is None:
                return None
            refusal = found
        text = announcement(reminder, late_s=late_s, directly=True)
        user = self._client.get_user(reminder.user_id)
        try:
            user = user or await self._client.fetch_user(reminder.user_id)
        except discord.NotFound:
            return f"{refusal}; the user is gone"
        found = await self._post(user, text, reminder, nonce)
        return None if found is None else f"{refusal}; directly: {found}"

    async def _post(
        self, place: discord.abc.Messageable, text: str, reminder: Reminder, nonce: str
    ) -> str | None:
        """Answer why Discord refused, None when the message is there."""
        author = discord.Object(reminder.user_id)
        try:
            await place.send(
                text,
                nonce=nonce,
                view=snooze_buttons(reminder.id),
                allowed_mentions=discord.AllowedMentions(
                    everyone=False, roles=False, users=[author], replied_user=False
                ),
            )
        except AWAY:
            raise
        except discord.HTTPException as error:
            if error.code == DELETED:
                return None
            if error.status in OUR_FAULT:
                raise  # the timer tries again, with a backoff
            return f"refused with {error.status}, code {error.code}"
        return None

    def _is_there(self, reminder: Reminder) -> bool:
        """Whether the user may still read the channel, as far as we know."""
        if reminder.guild_id is None:
            return True
        guild = self._client.get_guild(reminder.guild_id)
        if guild is None or not guild.chunked:
            return True  # Discord will say
        return guild.get_member(reminder.user_id) is not None
