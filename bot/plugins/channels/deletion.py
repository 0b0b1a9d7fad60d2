"""How messages are deleted within Discord's limits: many in one call, or one by one. Pure.

One call takes 2 to 100 messages of the last 14 days, and fails as a whole when one of them is
older. Older ones can be deleted singly, which Discord allows about once in two seconds.
Source: https://discord.com/developers/docs/resources/message#bulk-delete-messages
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_BULK = 100
MIN_BULK = 2
EPOCH_MS = 1_420_070_400_000
# An hour less than 14 days: the clocks differ, and the call takes its time.
BULK_AGE_MS = (14 * 24 - 1) * 3_600_000
MAX_OLD = 100  # deleted singly in one purge, which takes minutes; others are left
OLD_EACH_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The messages of a purge.

    Attributes:
        ids: To delete, newest first.
        old: How many of them must be deleted singly.
        left: How many fit as well and are left, since they are too many old ones.
    """

    ids: tuple[int, ...]
    old: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call: several messages at once, or one."""

    ids: tuple[int, ...]

    @property
    def is_bulk(self) -> bool:
        """Whether it is a call for several."""
        return len(self.ids) >= MIN_BULK


def made_at_ms(message_id: int) -> int:
    """Answer when a message was posted, in Unix milliseconds."""
    return (message_id >> 22) + EPOCH_MS


def is_old(message_id: int, *, now_ms: int) -> bool:
    """Answer whether a message is too old to be deleted with others."""
    return now_ms - made_at_ms(message_id) >= BULK_AGE_MS


def choose(fitting: Sequence[int], *, now_ms: int) -> Choice:
    """Answer what of the *fitting* messages a purge deletes."""
    newest_first = sorted(set(fitting), reverse=True)
    recent = [each for each in newest_first if not is_old(each, now_ms=now_ms)]
    old = newest_first[len(recent) :]
    return Choice(
        ids=(*recent, *old[:MAX_OLD]),
        old=min(len(old), MAX_OLD),
        left=max(0, len(old) - MAX_OLD),
    )


def next_step(remaining: Sequence[int], *, now_ms: int, singly: bool = False) -> Step | None:
    """Answer the next call, None when nothing remains.

    Args:
        remaining: Newest first.
        singly: One of the messages made a call for several fail.
    """
    if not remaining:
        return None
    batch = [each for each in remaining[:MAX_BULK] if not is_old(each, now_ms=now_ms)]
    if singly or len(batch) < MIN_BULK:
        batch = list(remaining[:1])
    return Step(ids=tuple(batch))


def duration_s(choice: Choice) -> float:
    """Answer about how long a purge takes, in seconds."""
    bulk_calls = -(-(len(choice.ids) - choice.old) // MAX_BULK)
    return bulk_calls * 1.0 + choice.old * OLD_EACH_S
