"""A reminder, and what is said of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.moments.durations import format_duration
from bot.moments.moments import stamped
from bot.plugins.reminders.repeats import described, from_text

KIND = "reminder"
MAX_TEXT = 1500  # characters; the message around it has room in Discord's 2000
MAX_OPEN = 50  # of one user
LATE_S = 60.0  # a reminder that is later says so
MAX_LISTED = 80
MAX_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """What a user wants to be reminded of; as the table has it."""

    id: int
    user_id: int
    guild_id: int | None
    channel_id: int
    message_id: int | None
    text: str
    state: str
    due_at: datetime
    repeat: str | None
    timezone: str
    timer_id: int | None
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReminder:
    """What is to be kept.

    Attributes:
        origin: Id of what asked for it: the same one is kept once.
    """

    user_id: int
    guild_id: int | None
    channel_id: int
    message_id: int | None
    origin: int
    text: str
    due_at: datetime
    repeat: str | None
    timezone: str


def promise(reminder: Reminder) -> str:
    """Answer what its user is told when it is made or changed."""
    text = f"⏰ I will remind you {stamped(reminder.due_at)}"
    if reminder.repeat is not None:
        rule = described(from_text(reminder.repeat))
        text += f", then {rule} (time zone {reminder.timezone})"
    return f"{text}. Number {reminder.id}."


def announcement(reminder: Reminder, *, late_s: float, directly: bool) -> str:
    """Answer the message that reminds.

    Args:
        late_s: Seconds since it was due.
        directly: It goes to the user's direct messages, where nobody needs to be named.
    """
    lines = [f"⏰ {reminder.text}" if directly else f"⏰ <@{reminder.user_id}> {reminder.text}"]
    notes = []
    if late_s >= LATE_S:
        spent = format_duration(timedelta(seconds=int(late_s)))
        notes.append(f"{spent} late: it was due <t:{int(reminder.due_at.timestamp())}:f>")
    if reminder.repeat is not None:
        notes.append(described(from_text(reminder.repeat)))
    if reminder.message_id is not None:
        notes.append(jump_url(reminder))
    if notes:
        lines.append(f"-# {' · '.join(notes)}")
    return "\n".join(lines)


def jump_url(reminder: Reminder) -> str:
    """Answer where it was asked for."""
    place = reminder.guild_id or "@me"
    return f"https://discord.com/channels/{place}/{reminder.channel_id}/{reminder.message_id}"


def entry(reminder: Reminder) -> str:
    """Answer its line in the list."""
    first = " ".join(reminder.text.split())
    short = first if len(first) <= MAX_LISTED else f"{first[: MAX_LISTED - 1]}…"
    again = "" if reminder.repeat is None else f" · {described(from_text(reminder.repeat))}"
    return f"**{reminder.id}** · {stamped(reminder.due_at)}{again}\n{short}"


def undelivered(failed: Sequence[Reminder], *, private: bool, channel_id: int) -> str:
    """Answer what a user is told of reminders that could not be delivered.

    Args:
        private: Only the user reads it; others read no text that comes from elsewhere.
        channel_id: Where it is told.
    """
    lines = ["I could not deliver a reminder of yours: I may neither write there nor to you."]
    for each in failed[:MAX_TOLD]:
        shown = private or each.channel_id == channel_id
        text = f": {' '.join(each.text.split())[:MAX_LISTED]}" if shown else ""
        lines.append(f"• <t:{int(each.due_at.timestamp())}:f>{text}")
    if len(failed) > MAX_TOLD:
        lines.append(f"… and {len(failed) - MAX_TOLD} more")
    return "\n".join(lines)
