"""Who did it: joins what changed with what Discord's audit log says. Pure.

Discord sends both, within a second of each other and in either order; so an entry waits a moment.
What the bot did itself is left out: whoever let it do that is told elsewhere, as by a case.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from bot.plugins.audit.differences import shown
from bot.plugins.audit.entries import LEFT, Entry

WINDOW_S = 5.0  # between an act and its event
KEPT_S, MAX_ACTS = 30.0, 1000  # of one guild; an entry may wait behind others


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An entry of Discord's audit log.

    Attributes:
        name: As discord.py calls the action.
        place_id: The channel of deleted messages; None for all else.
    """

    name: str
    target_id: int
    actor_id: int
    reason: str | None
    at_s: float
    place_id: int | None = None


class Acts:
    """The newest acts in one guild, found by whom or what they were done to."""

    def __init__(self) -> None:
        self._newest: deque[Act] = deque()
        self._by_target: dict[int, list[Act]] = {}

    def __len__(self) -> int:
        return len(self._newest)

    def note(self, act: Act) -> None:
        """Remember *act*, and forget those that no entry can be joined with any more."""
        self._newest.append(act)
        self._by_target.setdefault(act.target_id, []).append(act)
        oldest_s = act.at_s - KEPT_S
        while len(self._newest) > MAX_ACTS or self._newest[0].at_s < oldest_s:
            self._forget(self._newest.popleft())

    def nearest(self, entry: Entry) -> Act | None:
        """Answer the act nearest in time that may have brought *entry* about."""
        fitting = [
            act
            for act in self._by_target.get(entry.target_id, ())
            if act.name in entry.acts
            and abs(act.at_s - entry.at_s) <= WINDOW_S
            and (act.place_id is None or act.place_id in entry.places)
        ]
        return min(fitting, key=lambda act: abs(act.at_s - entry.at_s), default=None)

    def _forget(self, act: Act) -> None:
        rest = self._by_target[act.target_id]
        rest.remove(act)
        if not rest:
            del self._by_target[act.target_id]


def attributed(entry: Entry, act: Act | None, *, bot_id: int) -> Entry | None:
    """Answer *entry* with who did it and why, None when it is not to be told.

    Args:
        act: What brought it about, as far as that is known.
        bot_id: Whose acts are told of elsewhere.
    """
    if act is None:
        return entry
    if act.actor_id == bot_id:
        return None
    if entry.title == LEFT:
        if act.name == "ban":
            return None  # the ban has an entry of its own
        entry = replace(entry, title="Member kicked")
    if act.actor_id == act.target_id:
        return entry
    by = f"\nBy <@{act.actor_id}>"
    if act.reason:
        by += f": {shown(act.reason)}"
    return replace(entry, text=entry.text + by)
