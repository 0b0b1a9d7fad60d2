"""A lock of a channel as it is kept, and what is said of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from bot.plugins.channels.overwrites import ROLE, Change, Return, from_json

Status = Literal["locking", "locked", "unlocking", "unlocked", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock that holds, or is being made or ended.

    Attributes:
        changes: What it changed, or is changing.
    """

    id: int
    guild_id: int
    channel_id: int
    case_id: int
    moderator_id: int
    status: Status
    changes: tuple[Change, ...]
    locked_at: datetime
    expires_at: datetime | None


def befores(changes: Sequence[Change]) -> list[Any]:
    """Answer for the database what was there; null where nothing was."""
    return [each.before.as_json() if each.before is not None else None for each in changes]


def afters(changes: Sequence[Change]) -> list[Any]:
    """Answer for the database what the lock put there."""
    return [each.after.as_json() for each in changes]


def changes_of(
    overwrites: Sequence[Mapping[str, Any] | None], applied: Sequence[Mapping[str, Any]]
) -> tuple[Change, ...]:
    """Answer the changes of a lock from what the database has of it."""
    return tuple(
        Change(before=from_json(before) if before is not None else None, after=from_json(after))
        for before, after in zip(overwrites, applied, strict=True)
    )


def held_text(lock: Lock, mention: str) -> str:
    """Answer why a channel that is locked can't be locked."""
    since = f"<t:{int(lock.locked_at.timestamp())}:R>"
    text = f"{mention} was locked {since} by <@{lock.moderator_id}>."
    if lock.expires_at is None:
        return f"{text} Unlock it first."
    return f"{text} It opens <t:{int(lock.expires_at.timestamp())}:R>; or unlock it first."


def touched_text(plan: Sequence[Return]) -> str | None:
    """Answer what others changed while a channel was locked, None when they changed nothing."""
    mentions = [
        f"<@&{each.target_id}>" if each.kind == ROLE else f"<@{each.target_id}>"
        for each in plan
        if each.touched
    ]
    if not mentions:
        return None
    listed = ", ".join(mentions[:10]) + (", …" if len(mentions) > 10 else "")
    return (
        f"The permissions of {listed} were changed while it was locked. Those changes are kept;"
        " please look whether they are what you want."
    )


def as_status(text: str) -> Status:
    """Answer the status that the database has."""
    return cast("Status", text)
