"""Opcodes, close codes and payloads of gateway version 10. Pure.

Source: Discord's documentation, "Opcodes and Status Codes" and "Gateway".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

VERSIONS = ("9", "10")
MAX_PAYLOAD_BYTES = 4096
# Bits 0 to 21, 24 and 25 are defined; any other one is closed with 4013.
_DEFINED_INTENTS = (1 << 22) - 1 | 1 << 24 | 1 << 25
_PRIVILEGED_BITS = {"members": 1 << 1, "presences": 1 << 8, "message_content": 1 << 15}


class Op(IntEnum):
    """Opcodes; names as in the documentation."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11
    REQUEST_SOUNDBOARD_SOUNDS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCode:
    """What a close code says, and whether the session can be resumed after it."""

    reason: str
    resumable: bool


CLOSE_CODES: Mapping[int, CloseCode] = {
    1000: CloseCode(reason="", resumable=True),
    1001: CloseCode(reason="", resumable=True),
    4000: CloseCode(reason="Unknown error.", resumable=True),
    4001: CloseCode(reason="Unknown opcode.", resumable=True),
    4002: CloseCode(reason="Decode error.", resumable=True),
    4003: CloseCode(reason="Not authenticated.", resumable=True),
    4004: CloseCode(reason="Authentication failed.", resumable=False),
    4005: CloseCode(reason="Already authenticated.", resumable=True),
    4007: CloseCode(reason="Invalid seq.", resumable=False),
    4008: CloseCode(reason="Rate limited.", resumable=True),
    4009: CloseCode(reason="Session timed out.", resumable=False),
    4010: CloseCode(reason="Invalid shard.", resumable=False),
    4011: CloseCode(reason="Sharding required.", resumable=False),
    4012: CloseCode(reason="Invalid API version.", resumable=False),
    4013: CloseCode(reason="Invalid intent(s).", resumable=False),
    4014: CloseCode(reason="Disallowed intent(s).", resumable=False),
}


def ends_session(code: int | None, *, by_client: bool) -> bool:
    """Answer whether a connection closed with *code* takes its session along.

    A client ends it with 1000 or 1001 only; Discord with the codes of its table. A drop
    without a close frame (None, 1006) leaves it.
    """
    if by_client:
        return code in (1000, 1001)
    known = CLOSE_CODES.get(code) if code is not None else None
    return known is not None and not known.resumable


@dataclass(frozen=True, slots=True, kw_only=True)
class Identify:
    """A valid IDENTIFY."""

    token: str
    intents: int
    shard_id: int
    shard_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """A valid RESUME."""

    token: str
    session_id: str
    sequence: int


def parse_identify(data: object) -> Identify | int:
    """Answer the IDENTIFY in *data*, or the close code for what is wrong with it."""
    if not isinstance(data, dict):
        return 4002
    token, intents = data.get("token"), data.get("intents")
    if not isinstance(token, str) or not isinstance(data.get("properties"), dict):
        return 4002
    if not isinstance(intents, int) or isinstance(intents, bool) or intents & ~_DEFINED_INTENTS:
        return 4013
    shard = data.get("shard", [0, 1])
    if (
        not isinstance(shard, list)
        or len(shard) != 2
        or any(type(part) is not int for part in shard)
        or not 0 <= shard[0] < shard[1]
    ):
        return 4010
    return Identify(token=token, intents=intents, shard_id=shard[0], shard_count=shard[1])


def parse_resume(data: object) -> Resume | int:
    """Answer the RESUME in *data*, or the close code for what is wrong with it."""
    if not isinstance(data, dict):
        return 4002
    token, session_id, sequence = data.get("token"), data.get("session_id"), data.get("seq")
    if not isinstance(token, str) or not isinstance(session_id, str):
        if session_id is None and isinstance(token, str):
            # discord.py resumes with null when the connection ended before READY.
            return Resume(token=token, session_id="", sequence=0)
        return 4002
    if sequence is None:
        sequence = 0
    if type(sequence) is not int or sequence < 0:
        return 4007
    return Resume(token=token, session_id=session_id, sequence=sequence)


def disallowed(intents: int, approved: frozenset[str]) -> tuple[str, ...]:
    """Answer the privileged intents in *intents* that the portal does not allow."""
    return tuple(
        name for name, bit in _PRIVILEGED_BITS.items() if intents & bit and name not in approved
    )


def application_flags(approved: frozenset[str]) -> int:
    """Answer the application flags that show which privileged intents are switched on.

    The limited flags, those of a bot in fewer than 100 guilds, bits 13, 15 and 19.
    """
    bits = {"presences": 1 << 13, "members": 1 << 15, "message_content": 1 << 19}
    return sum(bit for name, bit in bits.items() if name in approved)


def payload(
    op: Op | int, data: Any = None, *, event: str | None = None, sequence: int | None = None
) -> dict[str, Any]:
    """Answer a gateway payload."""
    return {"op": int(op), "d": data, "s": sequence, "t": event}


def shard_of(guild_id: int, shard_count: int) -> int:
    """Answer the shard that a guild belongs to (documentation, "Sharding")."""
    return (guild_id >> 22) % shard_count
