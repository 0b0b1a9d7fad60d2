"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.moments.durations import (
    MAX_DURATION,
    DurationError,
    format_duration,
    leading_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("10m", 600, id="minutes"),
        pytest.param("1h30m", 5400, id="two units"),
        pytest.param("2 days", 172_800, id="word"),
        pytest.param("1w", 604_800, id="week"),
        pytest.param("90 seconds", 90, id="seconds"),
        pytest.param("1 hour, 5 minutes and 3 seconds", 3903, id="sentence"),
        pytest.param("1.5H", 5400, id="fraction"),
        pytest.param("1,5h", 5400, id="fraction with a comma"),
        pytest.param("1h30", 5400, id="minutes without their unit"),
        pytest.param("1d 1h05, 3s", 90_303, id="minutes without their unit, among others"),
        pytest.param("P1DT2H", 93_600, id="iso"),
        pytest.param("p2w", 1_209_600, id="iso weeks"),
        pytest.param("PT90S", 90, id="iso seconds"),
    ],
)
def test_what_people_write_is_understood(text: str, seconds: int) -> None:
    """Short, long and ISO 8601."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "looks like", id="nothing"),
        pytest.param("10", "Add a unit", id="bare digits"),
        pytest.param("-5m", "negative", id="negative"),
        pytest.param("0s", "no time", id="zero"),
        pytest.param("PT0S", "no time", id="iso zero"),
        pytest.param("11 years", "looks like", id="years"),
        pytest.param("3654d", "ten years", id="too long"),
        pytest.param("999999999999w", "ten years", id="overflow"),
        pytest.param("9999999999999w", "looks like", id="more digits than are read"),
        pytest.param("1m 2m", "twice", id="unit twice"),
        pytest.param("1h30 5m", "twice", id="minutes twice"),
        pytest.param("1h300", "looks like", id="too many minutes"),
        pytest.param("1h 30", "looks like", id="number without a unit"),
        pytest.param("1,000 seconds", "looks like", id="thousands"),
        pytest.param("10mb", "looks like", id="other unit"),
        pytest.param("P1M", "ISO 8601", id="iso months"),
        pytest.param("P", "ISO 8601", id="iso nothing"),
        pytest.param("1h" + " " * 70 + "x", "looks like", id="too much text"),
        pytest.param("10 m x", "looks like", id="more words"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_reason(text: str, why: str) -> None:
    """The text says what to write instead."""
    with pytest.raises(DurationError, match=why):
        parse_duration(text)


@given(st.integers(1, int(MAX_DURATION.total_seconds())))
def test_what_is_said_is_understood(seconds: int) -> None:
    """Whole seconds survive the round trip."""
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration


@given(st.text(alphabet="0123456789.smhdwpPTy- \n,:and", max_size=70))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """Nothing else is raised, and what is answered is within bounds."""
    try:
        duration = parse_duration(text)
    except DurationError:
        return

    assert timedelta(0) < duration <= MAX_DURATION


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("10m tea", (600, "tea"), id="one"),
        pytest.param("1h30 tea", (5400, "tea"), id="minutes without their unit"),
        pytest.param("1h 30 eggs", (3600, "30 eggs"), id="number of something else"),
        pytest.param("1h 30m 2 apples", (5400, "2 apples"), id="longest"),
        pytest.param("10 minutes, tea", (600, "tea"), id="comma"),
        pytest.param("10 metres", None, id="no unit"),
        pytest.param("tea 10m", None, id="not at the beginning"),
    ],
)
def test_a_text_begins_with_a_duration(text: str, expected: tuple[int, str] | None) -> None:
    """As much of it as is one."""
    found = leading_duration(text)

    assert found == (None if expected is None else (timedelta(seconds=expected[0]), expected[1]))
