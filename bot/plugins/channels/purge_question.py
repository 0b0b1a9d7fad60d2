"""What a moderator is asked before a purge, and told after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.plugins.channels.deletion import Choice, duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found; counts of messages.

    Attributes:
        asked_for: `filters.describe`.
        pinned: Kept since they are pinned.
        reached_end: Whether all that could fit was looked at.
    """

    choice: Choice
    asked_for: str
    pinned: int
    looked_at: int
    reached_end: bool


def messages(count: int) -> str:
    """Answer *count* messages in words."""
    return "1 message" if count == 1 else f"{count:,} messages"


def nothing(found: Findings) -> str:
    """Answer what to say when there is nothing to delete."""
    what = f" {found.asked_for}" if found.asked_for else ""
    lines = [f"There is nothing to delete: of {messages(found.looked_at)} none fits{what}."]
    return "\n".join([*lines, *_notes(found)])


def question(found: Findings) -> str:
    """Answer what to ask, with numbers."""
    what = f" {found.asked_for}" if found.asked_for else ""
    return "\n".join([f"Delete **{messages(len(found.choice.ids))}**{what}?", *_notes(found)])


def _notes(found: Findings) -> list[str]:
    notes = []
    if found.choice.old:
        takes = max(1, round(duration_s(found.choice)))
        whose = "It is" if found.choice.old == 1 else f"{found.choice.old} of them are"
        if len(found.choice.ids) > found.choice.old == 1:
            whose = "1 of them is"
        notes.append(f"{whose} older than 14 days and must go singly: about {takes} s in all.")
    if found.choice.left:
        notes.append(
            f"{messages(found.choice.left)} more of that age will be left; run it again for them."
        )
    if found.pinned:
        notes.append(f"Pinned ones stay: {found.pinned}.")
    if not found.reached_end:
        notes.append(f"I looked at the newest {found.looked_at:,} messages only.")
    return notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How far a purge came; counts of messages.

    Attributes:
        gone: Deleted by somebody else before it was their turn.
        kept: Refused by Discord.
    """

    deleted: int = 0
    gone: int = 0
    kept: int = 0

    @property
    def seen_to(self) -> int:
        """How many it was done with."""
        return self.deleted + self.gone + self.kept


def added(outcome: Outcome, done: Outcome, *, ours: bool) -> Outcome:
    """Answer what is known after another call.

    Args:
        ours: What is gone is so by a call of ours whose answer was lost.
    """
    return Outcome(
        deleted=outcome.deleted + done.deleted + (done.gone if ours else 0),
        gone=outcome.gone + (0 if ours else done.gone),
        kept=outcome.kept + done.kept,
    )


def report(outcome: Outcome, total: int, *, trying: int = 0) -> str:
    """Answer how a purge of *total* messages went.

    Args:
        trying: Of a call whose answer nobody has seen.
    """
    words = [f"Deleted {outcome.deleted:,} of {messages(total)}."]
    if trying:
        words.append(f"Up to {trying:,} more may be gone: I was just at them.")
    if outcome.gone:
        words.append(f"{outcome.gone:,} were gone already.")
    if outcome.kept:
        words.append(f"{outcome.kept:,} can't be deleted, says Discord.")
    return " ".join(words)
