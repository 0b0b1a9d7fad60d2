"""Many state events of one guild become few that leave the same cache. Pure.

What is done to the payloads is what the parsers in `discord/state.py` (2.7.1) do to the objects
made of them; a test compares both caches. Four things come out differently: presences are left
out (a restored cache has none), `Guild.large` is that of the newest member count, people who left
a guild are as its stickers and scheduled events name them, and without the members intent who made
a sticker may have the name of before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from bot.gateway.journal.merged_guild import MergedGuild
from bot.gateway.journal.state_events import NO_GUILD, READY

Event = tuple[int, str, bytes]  # sequence, name, and the raw payload
# What comes of a payload that is not as Discord documents it.
_MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class UnmergeableError(Exception):
    """An event has a shape that nobody expected; *name* is the event's."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name} can't be merged")


def merge(guild_id: int, events: Sequence[Event], *, self_id: int) -> list[Event] | None:
    """Answer fewer events that leave the same, None when these are as few as it gets.

    Args:
        guild_id: Whose all events are; `NO_GUILD` for READY and what changes the bot's user.
        events: From READY on, oldest first; also what an earlier merge answered.
        self_id: Of the bot's own user.

    Raises:
        UnmergeableError: an event is not understood.
    """
    if guild_id == NO_GUILD:
        return _merge_session(events)
    guild: MergedGuild | None = None
    last_delete: Event | None = None
    for event in events:
        sequence, name, raw = event
        try:
            data = orjson.loads(raw)["d"]
            if name == "GUILD_CREATE":
                guild = _created(guild, data, self_id, sequence)
            elif name == "GUILD_DELETE" and not data.get("unavailable", False):
                guild, last_delete = None, event
            elif guild is not None:
                guild.sequence = sequence
                guild.apply(name, data)
            # What concerns a guild that has not come yet is in the GUILD_CREATE to come.
        except _MALFORMED as error:
            raise UnmergeableError(name) from error
    if guild is None:
        return None if last_delete is None else [last_delete]
    try:
        return [(sequence, name, _raw(name, data)) for sequence, name, data in guild.events()]
    except _MALFORMED as error:  # what was read may be nested too deep to be written
        raise UnmergeableError("GUILD_CREATE") from error


def _created(
    guild: MergedGuild | None, data: dict[str, Any], self_id: int, sequence: int
) -> MergedGuild | None:
    """Do as `parse_guild_create`: a guild that is available again is updated, others are new."""
    if data.get("unavailable") is True:
        return guild
    if guild is None or data.get("unavailable") is not False:
        guild = MergedGuild(data, self_id, sequence)
    else:
        guild.take(data)
    guild.unavailable = False
    return guild


def self_id_of(events: Sequence[Event]) -> int:
    """Answer the id of the bot's own user, of READY and what else has no guild.

    Raises:
        UnmergeableError: READY does not say.
    """
    try:
        ready = next(raw for _, name, raw in events if name == READY)
        return int(orjson.loads(ready)["d"]["user"]["id"])
    except (StopIteration, *_MALFORMED) as error:
        raise UnmergeableError(READY) from error


def _merge_session(events: Sequence[Event]) -> list[Event]:
    """Put the newest USER_UPDATE into READY."""
    ready: dict[str, Any] | None = None
    first = 0
    for sequence, name, raw in events:
        try:
            data = orjson.loads(raw)["d"]
            if name == READY:
                ready, first = data, sequence
            elif name == "USER_UPDATE" and ready is not None:
                ready["user"] = dict(data)
            else:
                raise UnmergeableError(name)
        except _MALFORMED as error:
            raise UnmergeableError(name) from error
    try:
        return [] if ready is None else [(first, READY, _raw(READY, ready))]
    except TypeError as error:
        raise UnmergeableError(READY) from error


def _raw(name: str, data: dict[str, Any]) -> bytes:
    return orjson.dumps({"t": name, "d": data})
