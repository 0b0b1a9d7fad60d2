"""Answers to REQUEST_GUILD_MEMBERS.

Source: Discord's documentation, "Request Guild Members": prefix match on name or nick,
`limit` 0 for all, chunks of 1000, ids that are no members in `not_found`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simcord.backend import Backend, serializers
from simcord.backend.models import Guild, Member

CHUNK_MEMBERS = 1000


def chunks(backend: Backend, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Answer the GUILD_MEMBERS_CHUNK payloads for *request*; none for an unknown guild.

    Raises:
        ValueError: an id in the request is no number.
        TypeError: an id in the request is neither a number nor a string.
    """
    guild = backend.guilds.get(int(request["guild_id"]))
    if guild is None:
        return
    members, not_found = _wanted(backend, guild, request)
    parts = [members[i : i + CHUNK_MEMBERS] for i in range(0, len(members), CHUNK_MEMBERS)] or [[]]
    for index, part in enumerate(parts):
        chunk: dict[str, Any] = {
            "guild_id": str(guild.id),
            "members": [serializers.member_payload(backend, guild, each) for each in part],
            "chunk_index": index,
            "chunk_count": len(parts),
        }
        if request.get("presences"):
            chunk["presences"] = [_offline(guild, each) for each in part]
        if not_found:
            chunk["not_found"] = not_found
        if request.get("nonce"):
            chunk["nonce"] = str(request["nonce"])[:32]
        yield chunk


def _wanted(
    backend: Backend, guild: Guild, request: dict[str, Any]
) -> tuple[list[Member], list[str]]:
    ids = request.get("user_ids")
    if ids:
        asked = [int(one) for one in (ids if isinstance(ids, list) else [ids])]
        found = [guild.members[one] for one in asked if one in guild.members]
        return found[:100], [str(one) for one in asked if one not in guild.members]
    prefix = str(request.get("query") or "").lower()
    limit = int(request.get("limit") or 0) or len(guild.members)
    found = [
        member
        for member in guild.members.values()
        if backend.users[member.user_id].name.lower().startswith(prefix)
        or (member.nick or "").lower().startswith(prefix)
    ]
    return found[:limit], []


def _offline(guild: Guild, member: Member) -> dict[str, Any]:
    return {
        "user": {"id": str(member.user_id)},
        "guild_id": str(guild.id),
        "status": "offline",
        "activities": [],
        "client_status": {},
    }
