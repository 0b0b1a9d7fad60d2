"""What changed between two states of a member, a role or a channel. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not as it was."""

    what: str
    before: str
    after: str

    def line(self) -> str:
        """Answer the change on one line."""
        return f"**{self.what}**: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """What of a member is watched; *roles* are names by id."""

    nick: str | None = None
    roles: Mapping[int, str] = field(default_factory=dict)
    timed_out_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    """What a channel allows and denies a role or member; names of permissions."""

    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A role or a channel.

    Attributes:
        plain: What is compared as it is written, by its name; a position is not among it, since
            every move of one changes that of many.
        permissions: Of a role.
        overwrites: Of a channel: by id, each with what to call whom it is for.
    """

    plain: Mapping[str, str] = field(default_factory=dict)
    permissions: frozenset[str] = frozenset()
    overwrites: Mapping[int, tuple[str, Overwrite]] = field(default_factory=dict)


def of_members(before: MemberFacts, after: MemberFacts, *, now: datetime) -> tuple[Change, ...]:
    """Answer what changed; a timeout that ended by itself has not."""
    changes = []
    if before.nick != after.nick:
        changes.append(_plain("Nickname", shown(before.nick), shown(after.nick)))
    given = [name for each, name in after.roles.items() if each not in before.roles]
    taken = [name for each, name in before.roles.items() if each not in after.roles]
    if given or taken:
        changes.append(_plain("Roles", _listed("-", taken), _listed("+", given)))
    was, until = _holding(before.timed_out_until, now), _holding(after.timed_out_until, now)
    if was != until:
        changes.append(_plain("Timeout", _until(was), _until(until)))
    return tuple(changes)


def of_places(before: Facts, after: Facts) -> tuple[Change, ...]:
    """Answer what changed in a role or channel."""
    names = dict.fromkeys((*before.plain, *after.plain))
    changes = [
        _plain(name, shown(before.plain.get(name)), shown(after.plain.get(name)))
        for name in names
        if before.plain.get(name) != after.plain.get(name)
    ]
    if before.permissions != after.permissions:
        changes.append(
            _plain(
                "Permissions",
                _listed("-", before.permissions - after.permissions),
                _listed("+", after.permissions - before.permissions),
            )
        )
    for each in dict.fromkeys((*before.overwrites, *after.overwrites)):
        name, was = before.overwrites.get(each, ("", Overwrite()))
        name, now = after.overwrites.get(each, (name, Overwrite()))
        if was != now:
            changes.append(
                _plain(f"Permissions of {shown(name)}", _overwrite(was), _overwrite(now))
            )
    return tuple(changes)


def shown(value: str | None) -> str:
    """Answer *value* as text nobody can format or ping with."""
    if not value:
        return NONE
    flat = " ".join(value.replace("`", "'").split())
    return f"`{flat[:99]}…`" if len(flat) > 100 else f"`{flat}`" if flat else NONE


def _plain(what: str, before: str, after: str) -> Change:
    return Change(what=what, before=before, after=after)


def _holding(until: datetime | None, now: datetime) -> datetime | None:
    return until if until is not None and until > now else None


def _until(moment: datetime | None) -> str:
    return NONE if moment is None else f"until <t:{int(moment.timestamp())}:f>"


def _listed(sign: str, names: Iterable[str]) -> str:
    return ", ".join(f"{sign}{shown(name)}" for name in sorted(names)) or "nothing"


def _overwrite(overwrite: Overwrite) -> str:
    parts = [f"+{name}" for name in sorted(overwrite.allowed)]
    parts += [f"-{name}" for name in sorted(overwrite.denied)]
    return shown(", ".join(parts))
