"""The settings of one guild. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

THRESHOLD_ACTIONS = ("timeout", "kick", "ban")
MAX_THRESHOLDS = 10
MAX_IGNORED = 50  # channels that the audit log leaves out


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnThreshold:
    """What follows when a member has *count* warnings that hold.

    Attributes:
        action: timeout, kick or ban.
        duration_s: Of a timeout, or of a ban that ends by itself; None: for good.
    """

    count: int
    action: str
    duration_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    """What a guild has set; ids of channels and roles may be of such that are gone by now.

    Attributes:
        audit_ignored: Channels that the audit log leaves out.
        autorole_bots: Bots get the autorole too.
    """

    guild_id: int
    log_channel_id: int | None = None
    welcome_channel_id: int | None = None
    welcome_text: str | None = None
    leave_text: str | None = None
    autorole_id: int | None = None
    ticket_role_id: int | None = None
    prefix: str | None = None
    timezone: str | None = None
    warn_thresholds: tuple[WarnThreshold, ...] = ()
    automod: Mapping[str, Any] = field(default_factory=dict)
    audit_ignored: tuple[int, ...] = ()
    autorole_bots: bool = False


NAMES = frozenset(each.name for each in fields(GuildSettings)) - {"guild_id"}


def ids_of(document: object) -> tuple[int, ...]:
    """Answer the ids in a JSON document, what is none left out."""
    found = document if isinstance(document, list) else ()
    return tuple(each for each in found if type(each) is int and each > 0)


def thresholds_of(document: object) -> tuple[WarnThreshold, ...]:
    """Answer the thresholds in a JSON document, those that make no sense left out."""
    found = []
    for each in document if isinstance(document, list) else ():
        if not isinstance(each, dict):
            continue
        count, action, duration_s = each.get("count"), each.get("action"), each.get("duration_s")
        if not isinstance(count, int) or count < 1 or action not in THRESHOLD_ACTIONS:
            continue
        if duration_s is None or (isinstance(duration_s, int) and duration_s > 0):
            found.append(WarnThreshold(count=count, action=str(action), duration_s=duration_s))
    return tuple(sorted(found, key=lambda each: each.count)[:MAX_THRESHOLDS])


def thresholds_document(thresholds: tuple[WarnThreshold, ...]) -> list[dict[str, Any]]:
    """Answer *thresholds* for the database."""
    return [
        {"count": each.count, "action": each.action, "duration_s": each.duration_s}
        for each in thresholds
    ]


def threshold_reached(
    thresholds: tuple[WarnThreshold, ...], *, warnings: int
) -> WarnThreshold | None:
    """Answer what the newest of *warnings* brings about: the threshold of exactly that number."""
    return next((each for each in thresholds if each.count == warnings), None)
