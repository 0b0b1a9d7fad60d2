"""The cache of an earlier process, made again from its journal by discord.py's own parsers.

Nothing is dispatched meanwhile and no members are asked for: what a handler may hear it has heard
in the process that is gone. Attributes of this one client are set for that time and put back.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord
import orjson
import structlog
from discord.state import AutoShardedConnectionState, ChunkRequest, ConnectionState

from bot.errors import BotError
from bot.gateway.journal.reading import Saved, StateEvent
from bot.gateway.journal.state_events import READY
from bot.gateway.muting import muted

log = structlog.get_logger(__name__)

SLICE_S = 0.01  # of work, then the loop turns
# What discord.py's parsers make of a payload that is not as they expect.
_MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    discord.DiscordException,
)
_WITH_LAST_MESSAGE = (
    discord.TextChannel,
    discord.VoiceChannel,
    discord.StageChannel,
    discord.Thread,
)


class RestoreError(BotError):
    """discord.py's parser refused a stored event; the cache was cleared."""

    def __init__(self, name: str, sequence: int) -> None:
        self.name, self.sequence = name, sequence
        super().__init__(f"{name} with sequence {sequence} can't be parsed")


async def restore(client: discord.Client, saved: Mapping[int, Saved], *, is_partial: bool) -> None:
    """Fill the cache of a client that is logged in; takes some 10 µs for each member.

    Without *is_partial* the client is ready afterwards, though `on_ready` is not dispatched.

    Args:
        saved: By shard id; 0 for a client without shards.
        is_partial: Other shards of this client will IDENTIFY: discord.py makes the client ready
            itself once they have.

    Raises:
        RestoreError: an event can't be parsed; the cache is empty.
    """
    state = client._connection
    state.clear(views=False)  # a spare may have restored another session before
    with _silent(state), _no_collections(), _waiting_for_guilds(state):
        for one in saved.values():  # each READY makes the bot's own user anew
            await _feed(state, one.events[:1])
        for one in saved.values():
            await _feed(state, one.events[1:])
    for one in saved.values():
        _set_last_messages(state, one.last_messages)
    if is_partial:
        _leave_to_the_others(state, saved)
    else:
        state.call_handlers("ready")


async def follow(client: discord.Client, saved: Mapping[int, Saved]) -> None:
    """Bring a cache that was restored before up to date with what `following.load_since` found.

    Raises:
        RestoreError: an event can't be parsed; the cache is empty.
    """
    state = client._connection
    with _silent(state):
        for one in saved.values():
            await _feed(state, one.events)
            _set_last_messages(state, one.last_messages)


def lacking_members(client: discord.Client) -> list[discord.Guild]:
    """Answer the guilds whose members discord.py wants and an earlier process did not get all of.

    Nobody asks for them after a RESUME: `client._connection.chunk_guild` does.
    """
    state = client._connection
    return [guild for guild in state.guilds if state._guild_needs_chunking(guild)]


@contextlib.contextmanager
def _silent(state: ConnectionState[Any]) -> Iterator[None]:
    """Let no event reach anybody, and no chunk be asked for."""
    chunks, state._chunk_guilds = state._chunk_guilds, False
    try:
        with muted(state):
            yield
    finally:
        state._chunk_guilds = chunks


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector away from a cache that only grows: that saves a third."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


async def _feed(state: ConnectionState[Any], events: Sequence[StateEvent]) -> None:
    turn_at_s = time.perf_counter() + SLICE_S
    for event in events:
        try:
            _parse(state, event.name, orjson.loads(event.raw)["d"])
        except _MALFORMED as error:
            log.warning(
                "restore.failed",
                gateway_event=event.name,
                sequence=event.sequence,
                error=type(error).__name__,
            )
            state.clear(views=False)
            raise RestoreError(event.name, event.sequence) from error
        if time.perf_counter() > turn_at_s:
            await asyncio.sleep(0)
            turn_at_s = time.perf_counter() + SLICE_S


def _parse(state: ConnectionState[Any], name: str, data: dict[str, Any]) -> None:
    data.pop("presences", None)  # long out of date
    if name == "GUILD_MEMBERS_CHUNK":
        with _expected(state, data):
            state.parsers[name](data)
        return
    state.parsers[name](data)
    if name == READY:
        _stop_ready_tasks(state)


@contextlib.contextmanager
def _expected(state: ConnectionState[Any], chunk: dict[str, Any]) -> Iterator[None]:
    """Let a chunk be one that was asked for: discord.py throws others away."""
    request = ChunkRequest(
        int(chunk["guild_id"]),
        0,
        state.loop,
        state._get_guild,
        cache=state.member_cache_flags.joined,
    )
    key = request.nonce
    request.nonce = chunk.get("nonce")  # type: ignore[assignment] # compared, no more
    state._chunk_requests[key] = request
    try:
        yield
    finally:
        state._chunk_requests.pop(key, None)


@contextlib.contextmanager
def _waiting_for_guilds(state: ConnectionState[Any]) -> Iterator[None]:
    """Let discord.py think that guilds are still to come until the last one has."""
    try:
        yield
    finally:
        if isinstance(state, AutoShardedConnectionState):
            state._ready_states = {}
        else:
            state.__dict__.pop("_ready_state", None)


def _stop_ready_tasks(state: ConnectionState[Any]) -> None:
    """End the tasks that `parse_ready` began: they would make the client ready all too soon."""
    tasks = [state._ready_task]
    if isinstance(state, AutoShardedConnectionState):
        tasks += state._ready_tasks.values()
        state._ready_tasks = {}
    state._ready_task = None
    for task in filter(None, tasks):
        task.cancel()


def _set_last_messages(state: ConnectionState[Any], last_messages: Mapping[int, int]) -> None:
    """Set the newest message of each channel; an event of the channel may name a newer one."""
    if not last_messages:
        return
    for guild in state.guilds:
        for channel in (*guild.channels, *guild.threads):
            message_id = last_messages.get(channel.id)
            if message_id is not None and isinstance(channel, _WITH_LAST_MESSAGE):
                channel.last_message_id = max(channel.last_message_id or 0, message_id)


def _leave_to_the_others(state: ConnectionState[Any], restored: Mapping[int, Saved]) -> None:
    """Count the restored shards as ready, so that discord.py waits for the others alone."""
    if isinstance(state, AutoShardedConnectionState):
        for shard_id in restored:
            ready: asyncio.Future[None] = state.loop.create_future()
            ready.set_result(None)
            state._ready_tasks[shard_id] = ready  # type: ignore[assignment] # gathered, no more
