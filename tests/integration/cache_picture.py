"""What a client's cache holds, as plain values that can be compared field by field."""

from __future__ import annotations

import array
from collections.abc import Iterator, Mapping
from typing import Any

import discord

# Not restored, or made of other fields; weak references; what `Guild.large` remembers.
LEFT_OUT = frozenset({"_state", "__weakref__", "client_status", "activities", "_large"})
_REFERRED = (discord.Guild, discord.abc.GuildChannel, discord.Thread)
_PLAIN = (str, int, float, bool, type(None))


def cache_picture(client: discord.Client) -> dict[str, Any]:
    """Answer everything in the cache: guilds and all in them, the own user, and permissions."""
    state = client._connection
    return {
        "user": _show(state.user),
        "guilds": {guild.id: _fields(guild) for guild in state.guilds},
        "permissions": {guild.id: _permissions(guild) for guild in state.guilds},
        "emojis": {each.id: _fields(each) for each in state._emojis.values()},
        "stickers": {each.id: _fields(each) for each in state._stickers.values()},
        "users": {
            member.id: state._users[member.id] is member._user
            for guild in state.guilds
            for member in guild.members
            # Of the bot's own there is one for each READY, whichever came last.
            if member.id in state._users and member.id != state.self_id
        },
    }


def _permissions(guild: discord.Guild) -> dict[int, list[int]]:
    places = [*guild.channels, *(each for each in guild.threads if each.parent is not None)]
    return {
        member.id: [
            member.guild_permissions.value,
            *(place.permissions_for(member).value for place in places),
        ]
        for member in guild.members
    }


def _show(value: object) -> Any:
    """Answer *value* in plain words; guilds, channels and threads by their id alone."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, _REFERRED):
        return f"<{type(value).__name__} {value.id}>"
    if isinstance(value, Mapping):
        return {key: _inside(each) for key, each in value.items()}
    if isinstance(value, list | tuple | array.array):
        return [_inside(each) for each in value]
    return _fields(value)


def _inside(value: object) -> Any:
    """As `_show`; in a collection guilds, channels and threads are shown in full."""
    return _fields(value) if isinstance(value, _REFERRED) else _show(value)


def _fields(thing: object) -> Any:
    """Answer the attributes in all `__slots__` of *thing*, or its `repr` when it has none."""
    names = sorted(
        name
        for kind in type(thing).__mro__
        for name in _slots(kind)
        if name not in LEFT_OUT and not name.startswith("_cs_") and hasattr(thing, name)
    )
    if not names:
        return repr(thing)
    return {"class": type(thing).__name__} | {name: _show(getattr(thing, name)) for name in names}


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def differences(one: Any, other: Any, path: str = "cache") -> Iterator[str]:
    """Answer a line for everything in which two pictures differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}, key=str):
            if key not in one or key not in other:
                yield f"{path}.{key}: only in the {'second' if key in other else 'first'}"
            else:
                yield from differences(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {one!r} and {other!r}"
