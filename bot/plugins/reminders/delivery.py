"""Brings a reminder to its user: in its channel, else directly, else it has failed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from bot.moments import timezones
from bot.plugins.reminders.audience import Audience
from bot.plugins.reminders.items import snooze_buttons
from bot.plugins.reminders.model import Reminder, announcement
from bot.plugins.reminders.repeats import from_text, next_due
from bot.storage.errors import StorageError
from bot.timers.outcome import DONE, GiveUp, Outcome, Retry

if TYPE_CHECKING:
    from bot.plugins.reminders.store import ReminderStore
    from bot.timers.timer import Timer

log = structlog.get_logger(__name__)

# `HTTPException`: `_refusal` lets those pass that are no word on this reminder.
AWAY = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError, StorageError)
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
        retry_s: float = RETRY_S,
    ) -> None:
        self._client, self._store, self._now = client, store, now
        self._on_failed, self._retry_s = on_failed, retry_s
        self._audience = Audience(client)
        # What Discord has said to reminders that the database could not take down yet, by nonce:
        # Discord itself knows a nonce for minutes only, and a database may be away for longer.
        self._answers: dict[str, str | None] = {}

    async def deliver(self, timer: Timer) -> Outcome:
        """Send the reminder of *timer*, once, however often this is tried."""
        try:
            return await self._deliver(timer)
        except AWAY as error:
            log.info("reminder.delayed", reminder_id=timer.ref, error=type(error).__name__)
            return Retry(min(RETRY_CAP_S, self._retry_s * 2.0 ** min(timer.attempts, 10)))

    async def _deliver(self, timer: Timer) -> Outcome:
        store, nonce = self._store(), timer.nonce
        reminder = await store.due(timer.ref or 0, timer.id)
        if reminder is None:
            self._answers.pop(nonce, None)
            return DONE
        if nonce not in self._answers:
            late_s = max(0.0, (self._now() - timer.due_at) / timedelta(seconds=1))
            self._answers[nonce] = await self._send(reminder, nonce, late_s)
        why = self._answers[nonce]
        now, next_at = self._now(), None
        if reminder.repeat is not None and why is None:
            zone, rule = timezones.zone(reminder.timezone), from_text(reminder.repeat)
            next_at = next_due(rule, reminder.due_at, now=now, zone=zone)
        state = "sent" if why is None else "failed"
        await store.finish(reminder.id, timer.id, state=state, now=now, next_at=next_at)
        del self._answers[nonce]
        if why is None:
            return DONE
        log.warning("reminder.failed", reminder_id=reminder.id, why=why)
        self._on_failed(reminder.user_id)
        return GiveUp(why)

    async def _send(self, reminder: Reminder, nonce: str, late_s: float) -> str | None:
        """Answer why neither way was open, None when it was sent."""
        refusal = "the user does not see the channel"
        if await self._audience.sees(reminder):
            channel = self._client.get_partial_messageable(
                reminder.channel_id, guild_id=reminder.guild_id
            )
            text = announcement(reminder, late_s=late_s, directly=reminder.guild_id is None)
            found = await self._post(channel, text, reminder, nonce)
            if found is None:
                return None
            refusal = found
        text = announcement(reminder, late_s=late_s, directly=True)
        try:
            user = self._client.get_user(reminder.user_id)
            user = user or await self._client.fetch_user(reminder.user_id)
        except discord.HTTPException as error:
            return f"{refusal}; directly: {_refusal(error)}"
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
        except discord.HTTPException as error:
            return None if error.code == DELETED else _refusal(error)
        return None


def _refusal(error: discord.HTTPException) -> str:
    """Answer what Discord said to this reminder.

    Raises:
        discord.HTTPException: it is *error*, and said nothing of it: to be tried again.
    """
    if error.status >= 500 or error.status in OUR_FAULT:
        raise error
    return f"refused with {error.status}, code {error.code}"
