"""Points of time as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.moments.dates import parse_beginning, parse_when
from bot.moments.moments import MomentError, plain_when
from bot.moments.timezones import suggestions, valid_timezone

NOW = datetime(2026, 3, 27, 10, tzinfo=UTC)  # a Friday; Berlin's clock goes forward on Sunday
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("10m", NOW + timedelta(minutes=10), id="duration"),
        pytest.param("in 2 days", NOW + timedelta(days=2), id="in"),
        pytest.param("<t:1790000000:R>", datetime.fromtimestamp(1_790_000_000, UTC), id="stamp"),
        pytest.param("tomorrow 9am", datetime(2026, 3, 28, 8, tzinfo=UTC), id="words"),
        pytest.param("sunday 02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC), id="skipped hour"),
        pytest.param("monday 9am", datetime(2026, 3, 30, 7, tzinfo=UTC), id="summer time"),
        pytest.param("9am", datetime(2026, 3, 28, 8, tzinfo=UTC), id="past hour: tomorrow"),
        pytest.param("2026-04-01 18:00 UTC", datetime(2026, 4, 1, 18, tzinfo=UTC), id="zone"),
    ],
)
async def test_times_are_understood_by_the_users_clock(text: str, expected: datetime) -> None:
    """Stamps, durations, and what dateparser knows."""
    assert await parse_when(text, now=NOW, timezone=BERLIN) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("5", "not clear", id="digits"),
        pytest.param("at 9", "not clear", id="at digits"),
        pytest.param("a", "not clear", id="letter"),
        pytest.param("2 days ago", "in the past: I understood <t:", id="past"),
        pytest.param("<t:1:R>", "in the past", id="past stamp"),
        pytest.param("<t:9999999999999:F>", "no such time", id="impossible stamp"),
        pytest.param("<t:9999999999:F>", "ten years", id="far stamp"),
        pytest.param("3000-01-01", "ten years", id="far"),
        pytest.param("999999999999w", "ten years", id="overflow"),
        pytest.param("-5m", "negative", id="negative"),
        pytest.param("whenever", "don't understand", id="unknown"),
        pytest.param("x" * 65, "64 characters", id="long"),
        pytest.param("", "don't understand", id="nothing"),
    ],
)
async def test_what_is_no_time_is_refused_with_a_reason(text: str, why: str) -> None:
    """What was understood is said, if anything was."""
    with pytest.raises(MomentError, match=why):
        await parse_when(text, now=NOW, timezone=BERLIN)


@pytest.mark.parametrize(
    ("text", "hours", "rest"),
    [
        pytest.param("10m tea", 1 / 6, "tea", id="duration"),
        pytest.param("1h30m 2 apples", 1.5, "2 apples", id="numbers after it"),
        pytest.param("tomorrow 9am 2 apples", 22, "2 apples", id="words"),
        pytest.param('"tomorrow 9am" at home', 22, "at home", id="quoted"),
        pytest.param("in 2 hours call\nmum", 2, "call\nmum", id="lines"),
    ],
)
async def test_the_longest_beginning_that_is_a_time(text: str, hours: float, rest: str) -> None:
    """The rest is the text, unchanged."""
    found = await parse_beginning(text, now=NOW, timezone=BERLIN)

    assert found == (NOW + timedelta(hours=hours), rest)


@pytest.mark.parametrize("text", ["5 apples", "hello world", "2 days ago tea", "", "   "])
async def test_a_text_without_a_time_is_refused(text: str) -> None:
    """A number alone is none, and the past is none."""
    with pytest.raises(MomentError):
        await parse_beginning(text, now=NOW, timezone=BERLIN)


def test_words_are_left_to_the_library() -> None:
    """They are no error yet."""
    assert plain_when("tomorrow", NOW) is None


def test_time_zones_are_found_whatever_the_case() -> None:
    """Cities alone are suggested, as are slips of the pen."""
    assert valid_timezone("europe/berlin") == BERLIN
    assert valid_timezone("America/new york") == "America/New_York"
    assert valid_timezone("Berlin") is None
    assert suggestions("Berlin")[0] == BERLIN
    assert BERLIN in suggestions("Berln")
    assert suggestions("")[0] == "UTC"
