"""What of an event one session may see: intents, message content, shards."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import discord
from simcord import intents as rules
from simcord.backend import Backend

from simulator.gateway.protocol import shard_of

LARGE_MEMBERS = 250  # the large_threshold that discord.py asks for
_GUILD_EVENTS = ("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE")


def guild_of(event: str, data: Mapping[str, Any]) -> int | None:
    """Answer the guild that an event belongs to, None for DMs and the application."""
    guild_id = data.get("id") if event in _GUILD_EVENTS else data.get("guild_id")
    return None if guild_id is None else int(guild_id)


def is_for_shard(event: str, data: Mapping[str, Any], shard_id: int, shard_count: int) -> bool:
    """Answer whether the event goes to this shard; what has no guild goes to shard 0."""
    guild_id = None if event.startswith("ENTITLEMENT_") else guild_of(event, data)
    if guild_id is None:
        return shard_id == 0 or event == "USER_UPDATE"
    return shard_of(guild_id, shard_count) == shard_id


def shape(
    backend: Backend, intents: discord.Intents, event: str, data: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Answer the event as a session with *intents* gets it, or None when it does not."""
    needed = rules.required_intent(event, data)
    if needed is not None and not getattr(intents, needed):
        return None
    if event == "GUILD_CREATE":
        pruned = dict(data)
        pruned["large"] = pruned.get("member_count", 0) > LARGE_MEMBERS
        rules.prune_guild_create(pruned, intents, backend.bot_user.id)
        return pruned
    if intents.message_content:
        return data
    if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        message = deepcopy(dict(data))
        rules.censor_message(message, backend.bot_user.id, backend=backend)
        return message
    if event == "INTERACTION_CREATE":
        return _censor_interaction(backend, deepcopy(dict(data)))
    return data


def _censor_interaction(backend: Backend, data: dict[str, Any]) -> dict[str, Any]:
    """Hide message content from an interaction, but not that of its own message or target."""
    bot_id = backend.bot_user.id
    if isinstance(data.get("message"), dict):
        rules.censor_message(data["message"], bot_id, backend=backend, exempt_root=True)
    command = data.get("data") or {}
    for message_id, message in ((command.get("resolved") or {}).get("messages") or {}).items():
        is_target = str(command.get("target_id")) == str(message_id)
        rules.censor_message(message, bot_id, backend=backend, exempt_root=is_target)
    return data
