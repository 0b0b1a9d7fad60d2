"""Tells log channels what changed: one message in two seconds for each guild, never more.

Whoever reports returns at once. What waits here, for two to five seconds, ends with a process that
is killed; one that stops in order tells it first.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from bot.plugins.audit.attribution import Act
from bot.plugins.audit.entries import Entry, Moment
from bot.plugins.audit.mailbox import HOLD_S, Batch, Mailbox, notice
from bot.storage.errors import StorageError
from bot.tasks.timeouts import wait_for_safe, with_timeout

if TYPE_CHECKING:
    from bot.guilds.model import GuildSettings
    from bot.services import Services

log = structlog.get_logger(__name__)

SEND_TIMEOUT_S = 15.0
PATIENCE = 2.5  # times the hold: what the audit log says of an act may come late
DRAIN_TIMEOUT_S = 2.0
_UNREACHABLE = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError)


class Outbox:
    """A mailbox for each guild, and a task for each that is not empty.

    Attributes:
        hold_s: How long an entry waits at least, and how far apart messages are.
    """

    def __init__(
        self,
        services: Services,
        *,
        hold_s: float = HOLD_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services, self.hold_s, self._clock = services, hold_s, clock
        self._mailboxes: dict[int, Mailbox] = {}
        self._carriers: dict[int, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()
        self._refusing: dict[int, int] = {}  # guild → log channel that could not be used

    def moment(self) -> Moment:
        """Answer the time by both clocks."""
        return Moment(at_s=self._clock(), at_ms=int(time.time() * 1000))

    def put(self, guild_id: int, entry: Entry | None) -> None:
        """Have *entry* told, unless it is none or the guild has no log channel."""
        known = self._services.guilds.known(guild_id)
        if entry is None or (known is not None and known.log_channel_id is None):
            return
        self._mailbox(guild_id).put(entry)
        if guild_id not in self._carriers:
            # Not in the context of the event that is reported: its handling ends now.
            context = contextvars.Context()
            self._carriers[guild_id] = context.run(self._start, guild_id)

    def note(self, guild_id: int, act: Act) -> None:
        """Remember what Discord's audit log says, unless nobody is told of it."""
        known = self._services.guilds.known(guild_id)
        if known is None or known.log_channel_id is not None:
            self._mailbox(guild_id).note(act)

    def forget(self, guild_id: int) -> None:
        """The bot is in that guild no more."""
        self._mailboxes.pop(guild_id, None)
        self._refusing.pop(guild_id, None)

    async def close(self) -> None:
        """Tell what waits, if that takes no longer than a moment."""
        self._closing.set()
        carriers = tuple(self._carriers.values())
        if not carriers:
            return
        _, late = await asyncio.wait(carriers, timeout=DRAIN_TIMEOUT_S)
        for carrier in late:
            carrier.cancel()
        if late:
            log.warning("audit.not_drained", guilds=len(late))
            await asyncio.wait(late)

    async def deliver(self, guild_id: int) -> None:
        """Send at most one message with what has waited long enough."""
        mailbox = self._mailbox(guild_id)
        settings = await self._settings(guild_id)
        channel = self._channel(settings)
        if settings is None or channel is None or self._services.client is None:
            mailbox.drop()
            return
        own = self._services.client.user
        left_out = {channel.id, *settings.audit_ignored}
        hold_s = 0.0 if self._closing.is_set() else self.hold_s * 0.9
        sees_acts = channel.guild.me.guild_permissions.view_audit_log
        batch = mailbox.take(
            now_s=self._clock(),
            bot_id=own.id if own else 0,
            left_out=left_out,
            hold_s=hold_s,
            patience_s=hold_s * PATIENCE if sees_acts else 0.0,
        )
        if batch:
            await self._send(channel, batch)

    def _mailbox(self, guild_id: int) -> Mailbox:
        return self._mailboxes.setdefault(guild_id, Mailbox())

    def _start(self, guild_id: int) -> asyncio.Task[None]:
        return self._services.tasks.create_task(self._carry(guild_id), name="audit-outbox")

    async def _carry(self, guild_id: int) -> None:
        try:
            while self._mailbox(guild_id):
                await wait_for_safe(self._closing.wait(), self.hold_s)
                await self.deliver(guild_id)
        finally:
            self._carriers.pop(guild_id, None)

    async def _settings(self, guild_id: int) -> GuildSettings | None:
        try:
            return await self._services.guilds.of(guild_id)
        except StorageError as error:
            log.warning("audit.not_told", guild_id=guild_id, problem=error.advice)
            return None

    def _channel(self, settings: GuildSettings | None) -> discord.TextChannel | None:
        """Answer the log channel when the bot may write embeds there; says once when not."""
        client = self._services.client
        if settings is None or client is None or settings.log_channel_id is None:
            return None
        channel = client.get_channel(settings.log_channel_id)
        problem = "channel is gone"
        if isinstance(channel, discord.TextChannel):
            allowed = channel.permissions_for(channel.guild.me)
            if allowed.view_channel and allowed.send_messages and allowed.embed_links:
                self._refusing.pop(settings.guild_id, None)
                return channel
            problem = "permissions are missing"
        if self._refusing.get(settings.guild_id) != settings.log_channel_id:
            self._refusing[settings.guild_id] = settings.log_channel_id
            log.warning("audit.not_told", guild_id=settings.guild_id, problem=problem)
        return None

    async def _send(self, channel: discord.TextChannel, batch: Batch) -> None:
        try:
            await with_timeout(
                channel.send(
                    content=notice(batch.lost),
                    embeds=[embed_of(entry) for entry in batch.entries],
                    allowed_mentions=discord.AllowedMentions.none(),
                    silent=True,
                ),
                SEND_TIMEOUT_S,
            )
        except _UNREACHABLE as error:
            log.warning(
                "audit.not_told",
                guild_id=channel.guild.id,
                entries=len(batch.entries),
                problem=type(error).__name__,
            )


def embed_of(entry: Entry) -> discord.Embed:
    """Answer the embed that shows *entry*."""
    at = datetime.fromtimestamp(entry.at_ms / 1000, UTC)
    return discord.Embed(
        title=entry.title, description=entry.text, colour=entry.colour, timestamp=at
    )
