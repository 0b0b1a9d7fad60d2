"""What is said of reminders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.moments.moments import stamped
from bot.plugins.reminders.model import (
    MAX_TEXT,
    Reminder,
    announcement,
    entry,
    promise,
    undelivered,
)
from bot.views.page import MAX_VALUE

LIMIT = 2000  # characters of a message
AT = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
REMINDER = Reminder(
    id=2**53,
    user_id=2**63 - 1,
    guild_id=2**63 - 1,
    channel_id=2**63 - 2,
    message_id=2**63 - 3,
    text="tea",
    state="pending",
    due_at=AT,
    repeat=f"{365 * 86_400 + 86_399}",
    timezone="America/Argentina/ComodRivadavia",
    timer_id=1,
)


@given(st.text(min_size=1, max_size=MAX_TEXT), st.floats(0, 4e9), st.booleans())
def test_a_reminder_fits_in_a_message_also_when_it_is_put_off(
    text: str, late_s: float, directly: bool
) -> None:
    """With all that is said around the text."""
    longest = replace(REMINDER, text=text + "x" * (MAX_TEXT - len(text)))
    said = announcement(longest, late_s=late_s, directly=directly)

    assert len(f"{said}\n-# 💤 until {stamped(AT)}") <= LIMIT
    assert longest.text in said
    assert len(promise(longest)) <= LIMIT


@given(st.text(min_size=1, max_size=MAX_TEXT))
def test_an_entry_is_two_lines_of_which_the_second_is_plain(text: str) -> None:
    """Markup of one reminder does not reach into another one's."""
    shown = entry(replace(REMINDER, text=f"a {text} ```||`**"), here=None)
    first, *rest = shown.split("\n")

    assert len(rest) == 1
    assert len(shown) <= MAX_VALUE
    assert "``" not in rest[0]
    assert "||" not in rest[0]
    assert first.endswith("every 52 weeks 1 day 23 hours 59 minutes 59 seconds")


def test_only_its_user_is_named_and_only_among_others() -> None:
    """Directly, there is nobody else."""
    text = announcement(REMINDER, late_s=0, directly=False)

    assert text.startswith(f"⏰ <@{REMINDER.user_id}> tea\n-# every")
    assert "late" not in text
    assert announcement(REMINDER, late_s=0, directly=True).startswith("⏰ tea")


def test_what_could_not_be_delivered_is_counted_and_short() -> None:
    """Five are named; the texts of others are for their own channels."""
    failed = [replace(REMINDER, id=n, text="x" * MAX_TEXT, channel_id=n) for n in range(1, 51)]
    told, private = undelivered(failed, here=2), undelivered(failed, here=None)

    assert told.startswith("I could not deliver 50 reminders of yours")
    assert told.endswith("… and 45 more")
    assert (told.count("xxx…"), private.count("xxx…")) == (1, 5)
    assert told.count("it has ended with that") == 5
    assert max(len(told), len(private)) <= LIMIT
    assert undelivered([replace(REMINDER, repeat=None)], here=1).count("\n") == 1
