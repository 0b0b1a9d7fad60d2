"""Which events a later process needs to have the same cache. Pure.

Read from the parsers in `discord/state.py` (2.7.1): every event whose parser changes what it keeps
of guilds, channels, threads, roles, members, users, emojis, stickers, sounds, voice states, stages
and scheduled events. Of `MESSAGE_CREATE` only the id is kept, for `last_message_id`.

Not reproduced, since it would mean to keep what people write, or every presence:

- messages, reactions and polls; presences and activities: everybody is offline until Discord says
  otherwise. DM channels: discord.py makes them by REST alone, and does again when asked.
- what `MESSAGE_CREATE` and `MESSAGE_UPDATE` tell of their author (roles, nick, timeout), and
  `PRESENCE_UPDATE` of a user's name. With the members intent `GUILD_MEMBER_UPDATE` brings both;
  without it that concerns people in voice channels alone, until they join the next one.
- the bot's own member that `INTERACTION_CREATE` puts into a guild which has not come yet.

`TYPING_START` changes nothing that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

READY = "READY"
NO_GUILD = 0  # READY, and what concerns the bot's own user

_OF_GUILDS = frozenset({"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"})
STATE_EVENTS = (
    frozenset({READY, "USER_UPDATE", "VOICE_STATE_UPDATE", "GUILD_MEMBERS_CHUNK"})
    | _OF_GUILDS
    | {f"CHANNEL_{verb}" for verb in ("CREATE", "UPDATE", "DELETE")}
    | {f"THREAD_{verb}" for verb in ("CREATE", "UPDATE", "DELETE", "LIST_SYNC")}
    | {"THREAD_MEMBER_UPDATE", "THREAD_MEMBERS_UPDATE"}
    | {f"GUILD_MEMBER_{verb}" for verb in ("ADD", "UPDATE", "REMOVE")}
    | {f"GUILD_ROLE_{verb}" for verb in ("CREATE", "UPDATE", "DELETE")}
    | {"GUILD_EMOJIS_UPDATE", "GUILD_STICKERS_UPDATE"}
    | {f"GUILD_SOUNDBOARD_SOUND_{verb}" for verb in ("CREATE", "UPDATE", "DELETE")}
    | {"GUILD_SOUNDBOARD_SOUNDS_UPDATE"}
    | {f"STAGE_INSTANCE_{verb}" for verb in ("CREATE", "UPDATE", "DELETE")}
    | {f"GUILD_SCHEDULED_EVENT_{verb}" for verb in ("CREATE", "UPDATE", "DELETE")}
    | {f"GUILD_SCHEDULED_EVENT_USER_{verb}" for verb in ("ADD", "REMOVE")}
)


def guild_of(name: str, data: Any) -> int:
    """Answer the id of the guild that a state event changes, `NO_GUILD` for the others."""
    if not isinstance(data, Mapping):
        return NO_GUILD
    number = data.get("id") if name in _OF_GUILDS else data.get("guild_id")
    return as_id(number) or NO_GUILD


def message_of(data: Any) -> tuple[int, int] | None:
    """Answer channel and id of a guild's new message, None for others and for malformed ones."""
    if not isinstance(data, Mapping) or "guild_id" not in data:
        return None
    channel, message = as_id(data.get("channel_id")), as_id(data.get("id"))
    return None if channel is None or message is None else (channel, message)


def as_id(value: object) -> int | None:
    """Answer a snowflake, None when *value* is none."""
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdecimal():
        value = int(value)
    return value if type(value) is int and 0 <= value < 1 << 63 else None
