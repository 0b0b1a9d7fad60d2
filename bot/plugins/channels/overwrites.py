"""Locks of channels as changes of permission overwrites, and their exact return. Pure.

Numbers are Discord's permission bits. What a lock changed is kept with what was there before, so
that its end restores exactly that. What others changed meanwhile is theirs: bit by bit, what still
is as the lock left it goes back to what it was before, all else stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from discord import Permissions

Kind = Literal[0, 1]  # a role, a member
ROLE: Kind = 0
MEMBER: Kind = 1

SPEAKING = Permissions(
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    create_private_threads=True,
    add_reactions=True,
).value
SPEAKING_NAMES = tuple(name for name, asked in Permissions(SPEAKING) if asked)
# The bot must still be able to speak, and to open the channel again.
OWN = Permissions(view_channel=True, send_messages=True).value


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    """What a channel allows and denies a role or a member."""

    target_id: int
    kind: Kind
    allow: int
    deny: int

    def as_json(self) -> dict[str, Any]:
        """Answer it for the database; bits as text, since they may exceed 2⁵³."""
        return {
            "id": str(self.target_id),
            "type": self.kind,
            "allow": str(self.allow),
            "deny": str(self.deny),
        }


def from_json(payload: Mapping[str, Any]) -> Overwrite:
    """Answer an overwrite as Discord, and `Overwrite.as_json`, write it."""
    return Overwrite(
        target_id=int(payload["id"]),
        kind=MEMBER if int(payload["type"]) == MEMBER else ROLE,
        allow=int(payload["allow"]),
        deny=int(payload["deny"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One overwrite before and after a lock; *before* is None where there was none."""

    before: Overwrite | None
    after: Overwrite


def lock_changes(
    existing: Sequence[Overwrite],
    *,
    everyone_id: int,
    staff: Mapping[int, int] | None = None,
    bot_id: int | None = None,
) -> tuple[Change, ...]:
    """Answer what a lock changes: nobody may speak but administrators and the staff.

    Args:
        staff: Roles that may speak as they could before, with their permissions in the guild.
        bot_id: Of the bot as a member where it is no administrator, so that it is not locked out.
    """
    staff = staff or {}
    held = {(each.kind, each.target_id): each for each in existing}
    everyone = held.get((ROLE, everyone_id))
    # Those who keep something come first: once @everyone is denied the bot could give nothing.
    wanted: list[Overwrite] = []
    if bot_id is not None:
        wanted.append(_allowing(held.get((MEMBER, bot_id)), bot_id))
    could = SPEAKING & ~(everyone.deny if everyone is not None else 0)
    for role_id, permissions in staff.items():
        own = held.get((ROLE, role_id)) or Overwrite(target_id=role_id, kind=ROLE, allow=0, deny=0)
        kept = replace(own, allow=own.allow | (could & permissions & ~own.deny))
        wanted += [kept] if kept != own else []
    wanted.append(_denying(everyone, everyone_id))
    for each in existing:
        is_staff = each.target_id in staff or each.target_id == everyone_id
        if each.kind == ROLE and not is_staff and each.allow & SPEAKING:
            wanted.append(replace(each, allow=each.allow & ~SPEAKING))
    changes = (Change(before=held.get((each.kind, each.target_id)), after=each) for each in wanted)
    return tuple(change for change in changes if change.before != change.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """How one overwrite goes back.

    Attributes:
        after: What to write; None to remove the overwrite.
        is_needed: Whether Discord has anything else at the moment.
        touched: Whether somebody else changed it since the lock.
    """

    target_id: int
    kind: Kind
    after: Overwrite | None
    is_needed: bool
    touched: bool


def returns(changes: Iterable[Change], current: Sequence[Overwrite]) -> tuple[Return, ...]:
    """Answer how what a lock changed goes back, given what is there now."""
    held = {(each.kind, each.target_id): each for each in current}
    return tuple(
        _return(change, held.get((change.after.kind, change.after.target_id)))
        for change in reversed(tuple(changes))
    )


def _return(change: Change, now: Overwrite | None) -> Return:
    target_id, kind = change.after.target_id, change.after.kind
    if now in (change.before, change.after):
        after, touched = change.before, False
    elif now is None:  # somebody took it away, and what is gone holds nothing of the lock
        after, touched = None, True
    else:
        after, touched = _merged(change, now), True
    return Return(
        target_id=target_id, kind=kind, after=after, is_needed=after != now, touched=touched
    )


def _merged(change: Change, now: Overwrite) -> Overwrite | None:
    before = change.before
    allow_before, deny_before = (before.allow, before.deny) if before is not None else (0, 0)
    locked = change.after
    # Where both halves still are as the lock left them.
    same = ~((now.allow ^ locked.allow) | (now.deny ^ locked.deny))
    merged = Overwrite(
        target_id=now.target_id,
        kind=now.kind,
        allow=(allow_before & same) | (now.allow & ~same),
        deny=(deny_before & same) | (now.deny & ~same),
    )
    return None if before is None and not (merged.allow or merged.deny) else merged


def _denying(held: Overwrite | None, target_id: int) -> Overwrite:
    allow, deny = (held.allow, held.deny) if held is not None else (0, 0)
    return Overwrite(target_id=target_id, kind=ROLE, allow=allow & ~SPEAKING, deny=deny | SPEAKING)


def _allowing(held: Overwrite | None, target_id: int) -> Overwrite:
    allow, deny = (held.allow, held.deny) if held is not None else (0, 0)
    return Overwrite(target_id=target_id, kind=MEMBER, allow=allow | OWN, deny=deny & ~OWN)
