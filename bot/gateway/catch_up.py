"""Messages that came while no session was there, fetched by REST and handed to the handlers.

A session that Discord has forgotten is not replayed. What people wrote meanwhile can still be read
in each channel; what else happened (reactions, joins, commands of Discord's own kind) can't.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import discord
import structlog

from bot.gateway.event import GatewayEvent, current_event
from bot.gateway.failures import RECOVERABLE

log = structlog.get_logger(__name__)

AT_ONCE = 4  # channels read at the same time: of 50 calls a second, most are left to handlers
PAGE = 100  # messages that Discord answers at once
FAILURES_LOGGED = 10
_DISCORD_EPOCH_MS = 1_420_070_400_000
# What discord.py's parser raises for a message that it does not understand.
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)

Channel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """What came of it: *channels* that had something new, *messages*, channels that *failed*."""

    channels: int
    messages: int
    failed: int


async def catch_up(
    client: discord.Client,
    since: Mapping[int, int] | None,
    lost_at_s: float,
    limit: int,
    *,
    shard_id: int | None = None,
) -> CaughtUp:
    """Hand the newest *limit* messages that each channel of a server missed to the handlers.

    Call it once the cache of the new session is complete. It raises nothing: a channel that can't
    be read is counted and logged. Within a channel the oldest message comes first.

    Args:
        since: Id of the last message that was seen, by channel id.
        lost_at_s: Unix time in seconds from which on messages are missing, for other channels.
        shard_id: Whose session was lost; None for a client without shards.
    """
    began_s = time.monotonic()
    run = _Run(client, limit)
    gaps = run.gaps(since or {}, snowflake(lost_at_s), shard_id) if limit > 0 else iter(())
    gaps = iter(tuple(gaps))  # all ends are noted before the first call: what is newer comes live
    await asyncio.gather(*(run.work(gaps) for _ in range(AT_ONCE)))
    result = CaughtUp(channels=run.channels, messages=run.messages, failed=run.failed)
    log.info(
        "catch_up.finished",
        channels=result.channels,
        messages=result.messages,
        failed=result.failed,
        duration_s=round(time.monotonic() - began_s, 3),
    )
    return result


def snowflake(at_s: float) -> int:
    """Answer the lowest id of what was made at *at_s*, a Unix time in seconds."""
    return max(0, int(at_s * 1000) - _DISCORD_EPOCH_MS) << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """Messages of a channel that may have been missed: newer than *after*, up to *newest*."""

    channel: Channel
    after: int
    newest: int


class _Run:
    """One run over the channels."""

    def __init__(self, client: discord.Client, limit: int) -> None:
        self.channels = self.messages = self.failed = 0
        self._client, self._limit = client, limit
        # The new session has brought some already, before it was complete.
        self._known = {message.id for message in client.cached_messages}
        self._members: dict[tuple[int, int], Any] = {}

    def gaps(self, since: Mapping[int, int], lost: int, shard_id: int | None) -> Iterator[_Gap]:
        """Answer the channels that have something new and may be read."""
        for guild in self._client.guilds:
            if shard_id is not None and guild.shard_id != shard_id:
                continue
            channels: list[Channel] = [*guild.text_channels, *guild.voice_channels]
            channels += [*guild.stage_channels, *guild.threads]
            for channel in channels:
                after, newest = since.get(channel.id, lost), channel.last_message_id or 0
                if newest > after and _may_read(channel):
                    yield _Gap(channel=channel, after=after, newest=newest)

    async def work(self, gaps: Iterator[_Gap]) -> None:
        """Take one gap after the other."""
        for gap in gaps:
            try:
                missed = await self._missed(gap)
            except RECOVERABLE as error:
                self._failed(gap.channel, error)
                continue
            self.channels += bool(missed)
            for message in missed:
                await self._hand_over(gap.channel, message)
                await asyncio.sleep(0)  # its handlers begin before those of the next one

    async def _missed(self, gap: _Gap) -> list[dict[str, Any]]:
        """Answer the newest messages of a gap, oldest first."""
        missed: list[dict[str, Any]] = []
        before, more = gap.newest + 1, True
        while more and len(missed) < self._limit:
            wanted = min(PAGE, self._limit - len(missed))
            page: list[Any] = list(
                await self._client.http.logs_from(gap.channel.id, wanted, before=before)
            )
            newer = [each for each in page if int(each["id"]) > gap.after]
            missed += newer
            more = len(newer) == wanted
            before = int(page[-1]["id"]) if page else before
        return [each for each in reversed(missed) if int(each["id"]) not in self._known]

    async def _hand_over(self, channel: Channel, data: dict[str, Any]) -> None:
        guild = channel.guild
        data["guild_id"] = str(guild.id)
        member = await self._member(guild, data)
        if member is not None:
            data["member"] = dict(member)
        event = GatewayEvent(
            shard_id=guild.shard_id,
            sequence=0,
            name="MESSAGE_CREATE",
            received_at_s=time.monotonic(),
            # No session numbered it; nonces and claims are the same whenever it is fetched.
            session_id=f"caught-up-{data['id']}",
        )
        token, newest = current_event.set(event), channel.last_message_id or 0
        try:
            self._client._connection.parsers["MESSAGE_CREATE"](data)
            self.messages += 1
        except _MALFORMED as error:
            self._failed(channel, error)
        finally:
            current_event.reset(token)
            # The parser takes it for the newest message of the channel.
            channel.last_message_id = max(newest, channel.last_message_id or 0)

    async def _member(self, guild: discord.Guild, message: dict[str, Any]) -> Any:
        """Answer what an event would tell of the author, None where the cache knows or they left.

        Messages read by REST don't tell it, and handlers expect an author to have roles.
        """
        author_id = int(message["author"]["id"])
        if "webhook_id" in message or guild.chunked or guild.get_member(author_id) is not None:
            return None
        key = (guild.id, author_id)
        if key not in self._members:
            try:
                self._members[key] = await self._client.http.get_member(*key)
            except RECOVERABLE:
                self._members[key] = None
        return self._members[key]

    def _failed(self, channel: Channel, error: Exception) -> None:
        self.failed += 1
        if self.failed <= FAILURES_LOGGED:
            log.warning(
                "catch_up.channel_failed", channel_id=channel.id, error=type(error).__name__
            )


def _may_read(channel: Channel) -> bool:
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return False  # nothing tells its permissions
    allowed = channel.permissions_for(channel.guild.me)
    in_voice = isinstance(channel, discord.VoiceChannel | discord.StageChannel)
    can_see = allowed.view_channel and (allowed.connect or not in_voice)
    return can_see and allowed.read_message_history
