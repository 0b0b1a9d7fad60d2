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
    ("text", "rule"),
    [
        pytest.param("daily", Repeat(DAY), id="daily"),
        pytest.param("Every  Week", Repeat(7 * DAY), id="every week"),
        pytest.param("every 2 hours", Repeat(2 * HOUR), id="every"),
        pytest.param("3d", Repeat(3 * DAY), id="duration"),
        pytest.param("monthly", Repeat(months=1), id="monthly"),
        pytest.param("every 3 months", Repeat(months=3), id="months"),
        pytest.param("yearly", Repeat(months=12), id="yearly"),
        pytest.param("1y", Repeat(months=12), id="a year"),
    ],
)
def test_rules_are_understood(text: str, rule: Repeat) -> None:
    """In words or as a duration."""
    assert parse_repeat(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        *("every 9m", "every 400 days", "every 13 months", "2 years", "0 months", "sometimes"),
        *("every 5", "", "every friday", "-1d"),
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    """Too often, too seldom, or not understood."""
    with pytest.raises(RepeatError):
        parse_repeat(text)


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


def test_a_time_that_comes_twice_is_the_first() -> None:
    """2:30 comes twice on 25 October 2026 in Berlin, also when the rule began at the second."""
    due_at = datetime(2026, 10, 24, 0, 30, tzinfo=UTC)  # 2:30 in summer
    rule = anchored(Repeat(DAY), due_at, BERLIN)
    twice = next_due(rule, due_at, now=due_at, zone=BERLIN)
    late = anchored(Repeat(364 * DAY), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), BERLIN)

    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_due(rule, twice, now=twice, zone=BERLIN) == datetime(
        2026, 10, 26, 1, 30, tzinfo=UTC
    )
    assert (late.at, late.at and late.at.fold) == (time(2, 30), 0)


def test_a_day_that_is_skipped_is_the_next_one() -> None:
    """Samoa had no 30 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    due_at = datetime(2011, 12, 29, 9, tzinfo=apia).astimezone(UTC)
    rule = anchored(Repeat(DAY), due_at, apia)

    assert next_due(rule, due_at, now=due_at, zone=apia).astimezone(apia).day == 31


def several(rule: Repeat, first: datetime, count: int, zone: ZoneInfo = BERLIN) -> list[datetime]:
    """Answer the times that follow *first*, by the clock of *zone*."""
    found, rule = [first.astimezone(UTC)], anchored(rule, first, zone)
    for _ in range(count):
        found.append(next_due(from_text(to_text(rule)), found[-1], now=found[-1], zone=zone))
    return [each.astimezone(zone) for each in found[1:]]


def test_the_31st_is_the_last_day_of_a_shorter_month() -> None:
    """And the 31st again where there is one; nine stays nine."""
    found = several(Repeat(months=1), datetime(2027, 1, 31, 9, tzinfo=BERLIN), 4)

    assert [(each.month, each.day, each.hour) for each in found] == [
        *((2, 28, 9), (3, 31, 9), (4, 30, 9), (5, 31, 9)),
    ]


def test_a_leap_day_is_the_28th_in_other_years() -> None:
    """And the 29th again in the next leap year."""
    found = several(Repeat(months=12), datetime(2028, 2, 29, 9, tzinfo=BERLIN), 4)

    assert [(each.year, each.month, each.day) for each in found] == [
        *((2029, 2, 28), (2030, 2, 28), (2031, 2, 28), (2032, 2, 29)),
    ]


def test_months_go_over_the_end_of_the_year() -> None:
    """December follows November, and January follows December."""
    found = several(Repeat(months=1), datetime(2026, 10, 15, 9, tzinfo=BERLIN), 4)
    quarters = several(Repeat(months=3), datetime(2026, 9, 30, 9, tzinfo=BERLIN), 3)

    assert [(each.year, each.month) for each in found] == [
        *((2026, 11), (2026, 12), (2027, 1), (2027, 2)),
    ]
    assert [(each.month, each.day) for each in quarters] == [(12, 30), (3, 30), (6, 30)]


def test_a_rule_does_not_drift_however_late_its_reminders_come() -> None:
    """The next time counts from when it was due, not from when it came."""
    late = timedelta(minutes=7, milliseconds=123)
    at = datetime(2026, 6, 1, 8, tzinfo=UTC)
    for step in (Repeat(HOUR), Repeat(DAY), Repeat(months=1)):
        rule, due_at = anchored(step, at, BERLIN), at
        for _ in range(50):
            due_at = next_due(rule, due_at, now=due_at + late, zone=BERLIN)

        assert (due_at.astimezone(BERLIN).minute, due_at.second) == (0, 0)


@pytest.mark.parametrize(
    ("text", "rule", "rest"),
    [
        pytest.param("every day 9am tea", Repeat(DAY), "9am tea", id="day"),
        pytest.param("daily, tea", Repeat(DAY), "tea", id="comma"),
        pytest.param("every friday 18:00 tea", Repeat(7 * DAY), "friday 18:00 tea", id="weekday"),
        pytest.param("every tue tea", Repeat(7 * DAY), "tue tea", id="short weekday"),
        pytest.param("every  2 months tea", Repeat(months=2), "tea", id="months"),
        pytest.param("every 2h tea", Repeat(2 * HOUR), "tea", id="every"),
        pytest.param("every 1h30 tea", Repeat(1.5 * HOUR), "tea", id="duration"),
        pytest.param("monthly may 31 9am rent", Repeat(months=1), "may 31 9am rent", id="monthly"),
    ],
)
def test_a_text_begins_with_a_rule(text: str, rule: Repeat, rest: str) -> None:
    """The first time may follow."""
    assert leading_repeat(text) == (rule, rest)


@pytest.mark.parametrize("text", ["everyday tea", "every dog", "every 5 apples", "10m tea", ""])
def test_a_text_without_a_rule_has_none(text: str) -> None:
    """Words that only look like one are left to whoever reads on."""
    assert leading_repeat(text) is None


steps = st.one_of(
    st.integers(10, 366 * 24 * 60).map(lambda minutes: Repeat(timedelta(minutes=minutes))),
    st.integers(1, 12).map(lambda months: Repeat(months=months)),
)
times = st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Etc/GMT+12"])


@given(steps, times, st.integers(-86_400, 400 * 86_400), zones)
def test_the_next_one_is_to_come_and_not_too_far(
    step: Repeat, due_at: datetime, behind_s: int, zone: str
) -> None:
    """Whatever the rule, the delay and the zone."""
    now = due_at + timedelta(seconds=behind_s)
    rule = anchored(step, due_at, ZoneInfo(zone))

    found = next_due(rule, due_at, now=now, zone=ZoneInfo(zone))

    assert found > max(now, due_at)
    assert found <= max(now, due_at) + step.step + step.months * 31 * DAY + 2 * HOUR
    assert from_text(to_text(rule)) == rule
    assert described(rule).startswith("every ")
