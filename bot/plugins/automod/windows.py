"""Remembers what members wrote lately, in bounded memory. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

MAX_MEMBERS = 10_000  # of all guilds together; who wrote longest ago is forgotten first
MAX_KEPT = 30  # messages a member: no rule looks at more


@dataclass(frozen=True, slots=True)
class Written:
    """A message as the windows keep it.

    Attributes:
        at_ms: When Discord took it, by its id.
        likeness: Equal for messages that say the same; None says nothing.
    """

    at_ms: int
    likeness: int | None
    channel_id: int
    message_id: int


class Windows:
    """What each member of each guild wrote last."""

    def __init__(self) -> None:
        self._members: OrderedDict[tuple[int, int], deque[Written]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._members)

    def add(self, guild_id: int, user_id: int, written: Written) -> deque[Written]:
        """Answer what the member wrote lately, oldest first, *written* being the last."""
        key = (guild_id, user_id)
        lately = self._members.get(key)
        if lately is None:
            lately = self._members[key] = deque(maxlen=MAX_KEPT)
            if len(self._members) > MAX_MEMBERS:
                self._members.popitem(last=False)
        else:
            self._members.move_to_end(key)
        # Ids grow: one that is not the newest may be of an event that is handled again.
        is_newest = not lately or written.message_id > lately[-1].message_id
        if is_newest or all(each.message_id != written.message_id for each in lately):
            lately.append(written)
        return lately

    def forget(self, guild_id: int, user_id: int) -> None:
        """What the member wrote has been acted on: count from anew."""
        self._members.pop((guild_id, user_id), None)

    def forget_guild(self, guild_id: int) -> None:
        """The bot is no longer there."""
        for key in [key for key in self._members if key[0] == guild_id]:
            del self._members[key]


def burst(lately: deque[Written], *, count: int, seconds: int) -> tuple[Written, ...]:
    """Answer the messages of the newest *seconds* if they are *count* or more, else nothing."""
    if len(lately) < count:
        return ()
    since_ms = lately[-1].at_ms - seconds * 1000
    found = tuple(each for each in lately if each.at_ms > since_ms)
    return found if len(found) >= count else ()


def repeats(lately: deque[Written], *, count: int, seconds: int) -> tuple[Written, ...]:
    """Answer the messages that say what the newest one says, as `burst` does."""
    newest = lately[-1]
    if newest.likeness is None or len(lately) < count:
        return ()
    since_ms = newest.at_ms - seconds * 1000
    found = tuple(
        each for each in lately if each.at_ms > since_ms and each.likeness == newest.likeness
    )
    return found if len(found) >= count else ()
