"""Rules of repetition."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.reminders.repeats import (
    Repeat,
    RepeatError,
    anchored,
    described,
    from_text,
    leading_repeat,
    next_due,
    parse_repeat,
    to_text,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        pytest.param("daily", DAY, id="daily"),
        pytest.param("Every  Week", 7 * DAY, id="every week"),
        pytest.param("every 2 hours", 2 * HOUR, id="every"),
        pytest.param("3d", 3 * DAY, id="duration"),
    ],
)
def test_rules_are_understood(text: str, step: timedelta) -> None:
    """In words or as a duration."""
    assert parse_repeat(text) == Repeat(step)


@pytest.mark.parametrize("text", ["every 9m", "every 400 days", "sometimes", "every 5", ""])
def test_what_is_no_rule_is_refused(text: str) -> None:
    """Too often, too seldom, or not understood."""
    with pytest.raises(RepeatError):
        parse_repeat(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("every day 9am tea", (DAY, "9am tea"), id="word"),
        pytest.param("every 2h tea", (2 * HOUR, "tea"), id="every"),
        pytest.param("everyday tea", None, id="another word"),
        pytest.param("every dog", None, id="no rule"),
    ],
)
def test_a_text_begins_with_a_rule(text: str, expected: tuple[timedelta, str] | None) -> None:
    """The rest follows."""
    found = leading_repeat(text)

    assert (None if found is None else (found[0].step, found[1])) == expected


def test_nine_in_the_morning_stays_nine_when_the_clock_changes() -> None:
    """Summer time begins on 29 March 2026 in Berlin."""
    due_at = datetime(2026, 3, 28, 8, tzinfo=UTC)  # 9:00
    rule = anchored(Repeat(DAY), due_at, BERLIN)

    following = next_due(rule, due_at, now=due_at, zone=BERLIN)

    assert following == datetime(2026, 3, 29, 7, tzinfo=UTC)  # 9:00 again


def test_a_time_that_is_skipped_once_is_back_the_next_day() -> None:
    """2:30 does not exist on 29 March 2026 in Berlin."""
    at = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
    rule = anchored(Repeat(DAY), at, BERLIN)
    found = []
    for _ in range(2):
        at = next_due(rule, at, now=at, zone=BERLIN)
        found.append(at.astimezone(BERLIN).time())

    assert found == [time(3, 30), time(2, 30)]


def test_hours_are_hours_when_the_clock_changes() -> None:
    """What is no whole day is counted in real time."""
    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)

    assert next_due(Repeat(HOUR), at, now=at, zone=BERLIN) == at + HOUR


def test_what_was_missed_is_not_made_up_for() -> None:
    """After three days away there is one reminder, and the next one is to come."""
    at = datetime(2026, 6, 1, 8, tzinfo=UTC)
    now = at + 3 * DAY + timedelta(minutes=5)

    assert next_due(Repeat(HOUR), at, now=now, zone=BERLIN) == at + 3 * DAY + HOUR
    assert next_due(Repeat(DAY), at, now=now, zone=BERLIN) == at + 4 * DAY


steps = st.integers(10, 366 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
times = st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(steps, times, st.integers(-86_400, 400 * 86_400), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_the_next_one_is_to_come_and_not_too_far(
    step: timedelta, due_at: datetime, behind_s: int, zone: str
) -> None:
    """Whatever the rule, the delay and the zone."""
    now = due_at + timedelta(seconds=behind_s)
    rule = anchored(Repeat(step), due_at, ZoneInfo(zone))

    found = next_due(rule, due_at, now=now, zone=ZoneInfo(zone))

    assert found > max(now, due_at)
    assert found <= max(now, due_at) + step + 2 * HOUR
    assert from_text(to_text(rule)) == rule
    assert described(rule).startswith("every ")
