"""Points of time as people write them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.moments import dates
from bot.moments.dates import parse_beginning, parse_when
from bot.moments.moments import MomentError, NoMomentError, plain_when, zone_label
from bot.moments.timezones import suggestions, valid_timezone, zone

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
        pytest.param("1h30", NOW + timedelta(minutes=90), id="not half past one"),
        pytest.param("1,5h", NOW + timedelta(minutes=90), id="not five past three"),
        pytest.param("18:00", datetime(2026, 3, 27, 17, tzinfo=UTC), id="hour to come: today"),
        pytest.param("next friday", datetime(2026, 4, 2, 22, tzinfo=UTC), id="next weekday"),
        pytest.param("2026-12-24 18:00", datetime(2026, 12, 24, 17, tzinfo=UTC), id="date"),
        pytest.param("3.4.2026 18:00", datetime(2026, 4, 3, 16, tzinfo=UTC), id="day first"),
        pytest.param("03.04.2026", datetime(2026, 4, 2, 22, tzinfo=UTC), id="date alone"),
        pytest.param("may 5, 2027 9am", datetime(2027, 5, 5, 7, tzinfo=UTC), id="with a year"),
        pytest.param("29 feb", datetime(2028, 2, 28, 23, tzinfo=UTC), id="next leap day"),
        pytest.param("in 2 days at 9am", datetime(2026, 3, 29, 7, tzinfo=UTC), id="days and clock"),
        pytest.param("10 minutes from now", NOW + timedelta(minutes=10), id="from now"),
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
        pytest.param("tomorrow 8", "`8` is not clear", id="digits behind a day"),
        pytest.param("8 wed", "`8` is not clear", id="digits before a day"),
        pytest.param("on the 5th", "`5th` is not clear", id="day of no month"),
        pytest.param("1h 30", "`30` is not clear", id="digits behind a duration"),
        pytest.param("may", "not clear", id="month"),
        pytest.param("feb 30", "don't understand", id="no such day"),
        pytest.param("2026-02-29", "don't understand", id="no leap year"),
        pytest.param("in 0s", "no time at all", id="zero"),
        pytest.param("in -5m", "negative", id="negative with in"),
        pytest.param("9999-12-31 23:59", "ten years", id="last year"),
        pytest.param("0001-01-01", "no such time", id="first year"),
        pytest.param("now", "in the past", id="now"),
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
        pytest.param("in 10 minutes tea", 1 / 6, "tea", id="in"),
        pytest.param("1h30 tea", 1.5, "tea", id="minutes without their unit"),
        pytest.param("10 minutes from now, tea", 1 / 6, "tea", id="from now"),
        pytest.param("tomorrow 8 apples", 24, "8 apples", id="number behind a day"),
        pytest.param("1 day at 9am tea", 22, "tea", id="days and clock"),
        pytest.param("10m at 5 downing street", 1 / 6, "at 5 downing street", id="at a number"),
        pytest.param("tomorrow 9am at 5 x", 22, "at 5 x", id="at a number behind a clock"),
    ],
)
async def test_the_longest_beginning_that_is_a_time(text: str, hours: float, rest: str) -> None:
    """The rest is the text, unchanged."""
    found = await parse_beginning(text, now=NOW, timezone=BERLIN)

    assert found == (NOW + timedelta(hours=hours), rest)


@pytest.mark.parametrize("text", ["5 apples", "hello world", "may be late", "", "   "])
async def test_a_text_without_a_time_is_refused(text: str) -> None:
    """A number alone is none."""
    with pytest.raises(NoMomentError):
        await parse_beginning(text, now=NOW, timezone=BERLIN)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("2 days ago tea", "in the past", id="past"),
        pytest.param("0s tea", "no time at all", id="zero"),
        pytest.param("tomorrow at 8 tea", "`at 8` is not clear", id="half a time"),
        pytest.param("2 days at 9 tea", "`at 9` is not clear", id="days and half a time"),
        pytest.param("at 9 tea", "`at 9` is not clear", id="half a time alone"),
    ],
)
async def test_a_text_with_a_time_that_cannot_be_used_says_so(text: str, why: str) -> None:
    """It is not taken for a text without one."""
    with pytest.raises(MomentError, match=why) as refused:
        await parse_beginning(text, now=NOW, timezone=BERLIN)

    assert not isinstance(refused.value, NoMomentError)


WORDS = [
    *("in", "on", "at", "next", "last", "the", "of", "and", "a", "an", "ago", "now", "utc"),
    *("tomorrow", "today", "friday", "may", "feb", "noon", "18:00", "9am", "hour", "minutes"),
    *("days", "weeks", "months", "years", "2", "5th", "30", "31", "2026", "9999", "1h30", "0s"),
    *("+14:00", "12/24", "3.4.2027", "2026-02-30", "0001-01-01", "9999-12-31", "<t:1:R>"),
    *("\0", "\u200b", "-", "every"),
]
strange = st.one_of(
    st.text(max_size=70),
    st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join),
)


@settings(deadline=None)
@given(strange, st.sampled_from(["UTC", BERLIN, "Etc/GMT-14", "Pacific/Apia"]))
def test_any_text_is_a_time_or_refused(text: str, name: str) -> None:
    """Nothing else is raised; what is answered is to come, and soon enough."""

    async def both() -> list[datetime]:
        found = []
        for parse in (parse_when, parse_beginning):
            with contextlib.suppress(MomentError):
                answer = await parse(text, now=NOW, timezone=name)
                found.append(answer[0] if isinstance(answer, tuple) else answer)
        return found

    with asyncio.Runner() as runner:
        found = runner.run(both())

    assert all(NOW < at <= NOW + timedelta(days=3653) for at in found)
    assert all(at.tzinfo is UTC for at in found)


async def test_slow_reading_is_refused_and_holds_up_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library's threads are two of its own; the loop's are free, and so is the loop."""
    go = threading.Event()
    monkeypatch.setattr(dates, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(dates, "_parsed", lambda *_: go.wait(30) and None)
    try:
        asked = [parse_when("tomorrow", now=NOW, timezone=BERLIN) for _ in range(40)]
        answers = asyncio.gather(*asked, return_exceptions=True)

        assert await asyncio.to_thread(lambda: 7) == 7
        assert await parse_when("10m", now=NOW, timezone=BERLIN) == NOW + timedelta(minutes=10)
        assert {str(each) for each in await answers} == {dates.BUSY}
    finally:
        go.set()


def test_words_are_left_to_the_library() -> None:
    """They are no error yet."""
    assert plain_when("tomorrow", NOW) is None


def test_time_zones_are_found_whatever_the_case() -> None:
    """Cities alone are enough where there is one; slips of the pen are suggested."""
    assert valid_timezone("europe/berlin") == BERLIN
    assert valid_timezone("America/new york") == "America/New_York"
    assert valid_timezone(" berlin ") == BERLIN
    assert valid_timezone("Istanbul") is None  # in Europe and in Asia
    assert valid_timezone("x" * 65) is None
    assert suggestions("Istanbul")[0] == "Asia/Istanbul"
    assert BERLIN in suggestions("Berln")
    assert suggestions("")[0] == "UTC"


@pytest.mark.parametrize(
    ("text", "hours", "shown"),
    [
        pytest.param("UTC+2", 2, "UTC+2", id="east"),
        pytest.param("gmt-03:00", -3, "UTC-3", id="west"),
        pytest.param("+14", 14, "UTC+14", id="offset alone"),
        pytest.param("Etc/GMT-2", 2, "UTC+2", id="by its name"),
        pytest.param("utc", 0, "UTC", id="none"),
    ],
)
def test_offsets_are_zones_without_summer_time(text: str, hours: int, shown: str) -> None:
    """Their names in the IANA database have the sign the other way round."""
    name = valid_timezone(text)

    assert name is not None
    assert NOW.astimezone(zone(name)).utcoffset() == timedelta(hours=hours)
    assert zone_label(name) == shown


@pytest.mark.parametrize("text", ["UTC+15", "UTC+5:30", "UTC-13", "PST", "", "../x", "posix/UTC"])
def test_what_is_no_zone_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert valid_timezone(text) is None


def test_a_zone_that_is_no_longer_known_is_utc() -> None:
    """A reminder of it comes all the same."""
    assert zone("Atlantis/Capital") == ZoneInfo("UTC")
