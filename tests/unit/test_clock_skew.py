"""How far our clock is from Discord's, from headers that name whole seconds."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.clock.discord_time import DiscordTime
from bot.clock.skew import Answer, Skew, bounds, is_off, skew
from tests.fakes import FakeClock

NOON = 1_900_000_000.0  # Discord's time when our monotonic clock shows 0
DELAYS = st.floats(min_value=0.0, max_value=3.0)
MOMENTS = st.lists(st.tuples(st.floats(0, 60), DELAYS, DELAYS), min_size=3, max_size=9)


def answer(at_s: float, there_s: float = 0.05, back_s: float = 0.05) -> Answer:
    """Answer what Discord says to a request sent at the monotonic time *at_s*."""
    return Answer(
        date_s=math.floor(NOON + at_s + there_s),
        sent_at_s=at_s,
        received_at_s=at_s + there_s + back_s,
    )


def off_by(answers: list[Answer], seconds: float, now_s: float = 200.0) -> Skew | None:
    """Answer the skew found by a wall clock that is *seconds* ahead."""
    return skew(answers, wall_s=NOON + now_s + seconds, monotonic_s=now_s)


@given(MOMENTS, st.floats(-1e6, 1e6))
def test_the_truth_is_within_the_bounds(
    moments: list[tuple[float, float, float]], seconds: float
) -> None:
    """However slow the answers were, and whatever the clock shows."""
    found = off_by([answer(*moment) for moment in moments], seconds)

    assert found is not None
    assert found.lowest_s - 1e-3 <= seconds <= found.highest_s + 1e-3
    assert found.agreeing == len(moments)


def test_more_answers_are_more_exact_than_the_headers() -> None:
    """Nine answers spread over a second leave an eighth of it open, and their way."""
    found = bounds([answer(n * 1.125, 0.01, 0.01) for n in range(9)])

    assert found is not None
    assert found.highest_s - found.lowest_s < 0.2


def test_a_stale_answer_is_outvoted() -> None:
    """A proxy that answers with an hour-old page does not move the clock."""
    answers = [answer(n * 1.3) for n in range(5)]
    stale = Answer(date_s=NOON - 3600, sent_at_s=7.0, received_at_s=7.1)
    found = off_by([*answers, stale], 0.0)

    assert found is not None
    assert found.certain_s == 0
    assert found.agreeing == 5


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_answers_prove_nothing(count: int) -> None:
    """One header may be wrong."""
    assert off_by([answer(n) for n in range(count)], 100.0) is None


def test_old_answers_are_forgotten() -> None:
    """Two clocks drift apart in time."""
    assert off_by([answer(n) for n in range(5)], 0.0, now_s=10_000.0) is None


@pytest.mark.parametrize(
    ("seconds", "was_off", "off"),
    [
        pytest.param(0.0, False, False, id="right"),
        pytest.param(4.9, False, False, id="bearable"),
        pytest.param(7.0, False, True, id="ahead"),
        pytest.param(-7.0, False, True, id="behind"),
        pytest.param(5.4, True, True, id="not-right-yet"),
        pytest.param(3.0, True, False, id="right-again"),
    ],
)
def test_a_clock_is_off_over_five_seconds(seconds: float, was_off: bool, off: bool) -> None:
    """Only what is certain counts, and the edge is crossed once."""
    answers = [answer(n * 1.125, 0.01, 0.01) for n in range(9)]

    assert is_off(off_by(answers, seconds), was_off=was_off) is off


def test_what_is_not_known_changes_nothing() -> None:
    """Silence is no correction."""
    assert is_off(None, was_off=True)
    assert not is_off(None, was_off=False)


def test_a_skewed_clock_is_logged_once_and_once_more_when_it_is_right() -> None:
    """A clock that is set while the bot runs counts from then on."""
    wall, monotonic = FakeClock(NOON), FakeClock(0.0)
    watch = DiscordTime(wall=wall, monotonic=monotonic)

    def hear(count: int) -> None:
        for _ in range(count):
            wall.advance(1.3)
            monotonic.advance(1.3)
            watch.heard(formatdate(NOON + monotonic(), usegmt=True), sent_at_s=monotonic() - 0.1)

    with capture_logs() as logs:
        hear(5)
        wall.advance(60)
        hear(5)
        wall.advance(-60)
        hear(5)

    assert [line["event"] for line in logs] == ["clock.skewed", "clock.corrected"]
    assert logs[0]["skew_s"] == pytest.approx(60, abs=0.5)


def test_a_wall_clock_that_is_set_is_noticed_without_another_answer() -> None:
    """`/status` tells at once."""
    wall, monotonic = FakeClock(NOON), FakeClock(0.0)
    watch = DiscordTime(wall=wall, monotonic=monotonic)
    for _ in range(4):
        wall.advance(1.3)
        monotonic.advance(1.3)
        watch.heard(formatdate(NOON + monotonic(), usegmt=True), sent_at_s=monotonic())
    wall.advance(-3600)
    found = watch.skew()

    assert found is not None
    assert found.middle_s == pytest.approx(-3600, abs=1)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 25:61:61 GMT"])
def test_what_is_no_date_is_ignored(date: str | None) -> None:
    """Headers are somebody else's text."""
    watch = DiscordTime()
    for _ in range(5):
        watch.heard(date, sent_at_s=0.0)

    assert watch.skew() is None
