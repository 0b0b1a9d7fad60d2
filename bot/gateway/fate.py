"""What is to be done with a replayed event, by how far an earlier process came with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.gateway.session import Marks

MAX_ATTEMPTS = 2  # two processes that died while they handled an event are no accident


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What is to be done with one event.

    Attributes:
        way: `handle` it; `cache`: an earlier process has handled it; `poisoned`: set it aside.
        attempt: Of handling it, counted from 1; one that a clean stop broke off does not count.
        again: An earlier process has begun it.
        recorded: The attempt must be on disk before it begins.
        alone: No other event may be begun before this one had its chance to do harm.
    """

    way: Literal["handle", "cache", "poisoned"]
    attempt: int = 1
    again: bool = False
    recorded: bool = False
    alone: bool = False


def fate(marks: Marks, sequence: int) -> Fate:
    """Answer what becomes of the event *sequence* of the session that *marks* speak of."""
    begun = marks.unfinished.get(sequence)
    if begun is None:
        if sequence <= marks.received:
            return Fate(way="cache")
        # Should it take the interpreter's lock for good, nothing could be written any more.
        return Fate(way="handle", recorded=not marks.clean)
    if begun >= MAX_ATTEMPTS:
        return Fate(way="poisoned", attempt=begun, again=True)
    return Fate(way="handle", attempt=begun + 1, again=True, recorded=True, alone=begun > 0)
