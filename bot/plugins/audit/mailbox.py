"""What waits to be told to one guild: bounded, and taken in messages that Discord accepts. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from bot.plugins.audit.attribution import KEPT_S, WINDOW_S, Act, Acts, attributed
from bot.plugins.audit.entries import BANNED, LEFT, Entry

MAX_WAITING = 300  # entries: a minute's worth at ten per message
MAX_EMBEDS = 10
MAX_CHARACTERS = 5500  # of all embeds of a message; Discord's limit is 6000
HOLD_S = 2.0  # what the audit log has to say about an entry is there by then, as a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One message; *lost* is how many entries found no room since the last one."""

    entries: tuple[Entry, ...] = ()
    lost: int = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.lost)


class Mailbox:
    """Entries and acts of one guild.

    Attributes:
        lost: Entries that found no room and have not been told of.
    """

    def __init__(self) -> None:
        self._waiting: deque[Entry] = deque()
        self._acts = Acts()
        self._banned: dict[int, float] = {}  # when, by user
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, entry: Entry) -> None:
        """Add *entry*, or count it when there is no room."""
        if len(self._waiting) >= MAX_WAITING:
            self.lost += 1
        else:
            self._waiting.append(entry)
            if entry.title == BANNED:
                self._note_ban(entry)

    def note(self, act: Act) -> None:
        """Remember who did something."""
        self._acts.note(act)

    def drop(self) -> None:
        """Forget what waits: there is nobody to tell."""
        self._waiting.clear()
        self.lost = 0

    def take(
        self,
        *,
        now_s: float,
        bot_id: int,
        left_out: Collection[int],
        hold_s: float = HOLD_S,
        patience_s: float = 0.0,
    ) -> Batch:
        """Answer what is to be told now; it does not wait any more.

        Args:
            now_s: Monotonic time; entries younger than *hold_s* go on waiting.
            left_out: Channels of which nothing is told.
            patience_s: So long an entry waits for an act that may have brought it about.
        """
        taken: list[Entry] = []
        characters = 0
        while self._waiting and self._waiting[0].at_s + hold_s <= now_s:
            entry = self._waiting[0]
            told = None
            if not (set(entry.places) & set(left_out) or self._is_of_ban(entry)):
                act = self._acts.nearest(entry)
                if act is None and entry.acts and now_s < entry.at_s + patience_s:
                    break
                told = attributed(entry, act, bot_id=bot_id)
            if told is not None:
                characters += told.size()
                if taken and (len(taken) == MAX_EMBEDS or characters > MAX_CHARACTERS):
                    break
                taken.append(told)
            self._waiting.popleft()
        lost, self.lost = self.lost, 0
        return Batch(entries=tuple(taken), lost=lost)

    def _note_ban(self, entry: Entry) -> None:
        recent = {user: at_s for user, at_s in self._banned.items() if entry.at_s - at_s < KEPT_S}
        self._banned = {**recent, entry.target_id: entry.at_s}

    def _is_of_ban(self, entry: Entry) -> bool:
        """Whether somebody left because of a ban, which has an entry of its own."""
        at_s = self._banned.get(entry.target_id)
        return entry.title == LEFT and at_s is not None and abs(entry.at_s - at_s) <= WINDOW_S


def notice(lost: int) -> str | None:
    """Answer what is said about *lost* entries."""
    if not lost:
        return None
    return f"-# {lost} more change{'s' if lost > 1 else ''} came too fast to be shown here."
