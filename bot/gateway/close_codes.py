"""What a close code of the gateway means for the session and for the operator. Pure.

Source: Discord's documentation, "Opcodes and Status Codes", gateway close event codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PORTAL = "the bot's page of Discord's developer portal"
TOKEN_KIND = "invalid_token"  # noqa: S105 - the name of a failure, no secret
TOKEN_ADVICE = (
    f"Discord refuses the token: make a new one on {PORTAL} and put it into .env as DISCORD_TOKEN"
)
RATE_LIMITED = 4008
# 4003 also says that the session has been invalidated; the other two say it of themselves.
UNUSABLE = frozenset({4003, 4007, 4009})
# A client that closes with one of these ends its session; from Discord they end nothing.
ENDING = frozenset({1000, 1001})
KEEPING = 4000  # closes and keeps the session


@dataclass(frozen=True, slots=True, kw_only=True)
class Fatal:
    """A close that no reconnect mends; *advice* says what does."""

    kind: str
    advice: str


FATAL: Mapping[int, Fatal] = {
    4004: Fatal(kind=TOKEN_KIND, advice=TOKEN_ADVICE),
    4010: Fatal(
        kind="invalid_shard",
        advice="Discord refuses the shard: shard_id must be below shard_count; mend them in the"
        " code that makes the client",
    ),
    4011: Fatal(
        kind="sharding_required",
        advice="The bot is in too many servers for one connection: make it an"
        " AutoShardedClient or AutoShardedBot",
    ),
    4012: Fatal(
        kind="invalid_api_version",
        advice="Discord no longer serves this gateway version: update discord.py",
    ),
    4013: Fatal(
        kind="invalid_intents",
        advice="Discord does not know these intents: update discord.py, or correct the intents"
        " that the client is made with",
    ),
    4014: Fatal(
        kind="missing_intent",
        advice=f"A privileged intent is off: switch it on on {PORTAL}, or take it out of"
        " PRIVILEGED_INTENTS",
    ),
}


def keeps_session(code: int | None, *, by_us: bool) -> bool:
    """Answer whether a session may be resumed after a close; None: without a close frame."""
    if by_us:
        return code not in ENDING
    return code not in UNUSABLE and code not in FATAL
