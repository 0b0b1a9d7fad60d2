"""What a number of notes changes in one shard's file. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bot.gateway.journal.state_events import NO_GUILD, READY

if TYPE_CHECKING:
    from bot.gateway.session import Session


class Came(NamedTuple):
    """An event was received; *raw* is empty for one that leaves the cache as it is.

    *message* is the channel and the id of a new message.
    """

    shard_id: int
    sequence: int
    name: str
    raw: str = ""
    guild_id: int = NO_GUILD
    message: tuple[int, int] | None = None


class Begun(NamedTuple):
    """An event was handed to handlers, for the *attempt*-th time."""

    shard_id: int
    sequence: int
    attempt: int


class Finished(NamedTuple):
    """All that an event began has ended."""

    shard_id: int
    sequence: int


class Refused(NamedTuple):
    """discord.py could not parse an event: the cache is without it, a restored one must be too."""

    shard_id: int
    sequence: int


class SessionIs(NamedTuple):
    """The session that READY began, or None: it can't be resumed any more."""

    shard_id: int
    session: Session | None


Note = Came | Begun | Finished | Refused | SessionIs


@dataclass(slots=True)
class Batch:
    """Changes of one file, written in one transaction.

    Attributes:
        begins_anew: A READY came: nothing of what the file held counts any more.
        received: Sequence of the newest event, 0 when none is newer than before.
        session: What SessionIs said last; *is_over* when that was None.
        last_messages: Channel id → message id.
    """

    begins_anew: bool = False
    received: int = 0
    session: Session | None = None
    is_over: bool = False
    events: list[Came] = field(default_factory=list)
    begun: dict[int, int] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    last_messages: dict[int, int] = field(default_factory=dict)

    def take(self, note: Note, received: int) -> None:
        """Add *note*, which came after all others; events up to *received* are on disk already."""
        match note:
            case Came():
                self._came(note, received)
            case Begun():
                self.begun[note.sequence] = note.attempt
                self.finished.discard(note.sequence)
            case Finished():
                self.begun.pop(note.sequence, None)
                self.finished.add(note.sequence)
            case Refused():
                self.refused.add(note.sequence)
            case SessionIs():
                self.session, self.is_over = note.session, note.session is None

    def _came(self, note: Came, received: int) -> None:
        if note.sequence <= max(received, self.received):
            return  # replayed
        self.received = note.sequence
        if note.raw:
            self.events.append(note)
        if note.message is not None:
            channel, message = note.message
            self.last_messages[channel] = message


def fold(notes: Iterable[Note], received: int) -> Batch:
    """Answer what *notes* change; a READY among them makes void what came before it.

    Args:
        notes: Of one shard, oldest first.
        received: Sequence of the newest event in the file.
    """
    batch = Batch()
    for note in notes:
        if isinstance(note, Came) and note.name == READY:
            batch, received = Batch(begins_anew=True), note.sequence - 1
        batch.take(note, received)
    return batch
