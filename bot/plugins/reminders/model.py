"""A reminder, and what is said of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from discord.utils import escape_markdown

from bot.moments.durations import format_duration
from bot.moments.moments import stamped, zone_label
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
        text += f", then {rule} (time zone {zone_label(reminder.timezone)})"
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


def entry(reminder: Reminder, *, here: int | None) -> str:
    """Answer its line in the list.

    Args:
        here: The channel whose members read it, to whom the texts of others are no business; None
            when only the user does.
    """
    again = "" if reminder.repeat is None else f" · {described(from_text(reminder.repeat))}"
    shown = here in (None, reminder.channel_id)
    text = _short(reminder.text) if shown else "*made elsewhere: `/reminders list` shows it*"
    return f"**{reminder.id}** · {stamped(reminder.due_at)}{again}\n{text}"


def undelivered(failed: Sequence[Reminder], *, here: int | None) -> str:
    """Answer what a user is told of reminders that could not be delivered; *here* as in `entry`."""
    what = "a reminder" if len(failed) == 1 else f"{len(failed)} reminders"
    lines = [f"I could not deliver {what} of yours: I may neither write there nor to you."]
    for each in failed[:MAX_TOLD]:
        line = f"• <t:{int(each.due_at.timestamp())}:f>"
        if here in (None, each.channel_id):
            line += f": {_short(each.text)}"
        if each.repeat is not None:
            line += f" ({described(from_text(each.repeat))}; it has ended with that)"
        lines.append(line)
    if len(failed) > MAX_TOLD:
        lines.append(f"… and {len(failed) - MAX_TOLD} more")
    return "\n".join(lines)


def _short(text: str) -> str:
    """Answer a line of *text*, of which no markup reaches into the lines around it."""
    line = " ".join(text.split())
    return escape_markdown(line if len(line) <= MAX_LISTED else f"{line[: MAX_LISTED - 1]}…")
