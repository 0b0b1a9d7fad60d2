"""What a beat says, composed from parts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.heartbeat.sampler import (
    Origin,
    Parts,
    blocked,
    compose,
    cpu_percent,
    is_blocked,
    iso_utc,
    lag_quantiles,
    next_on_grid,
    pause_after,
    waits_for_events,
)
from watchdog.heartbeat.schema import Failure, Heartbeat, Loop, decode, encode

ORIGIN = Origin(boot_id="b", pid=4242, process_started=12.5, instance="i", interval_s=1.0)


def beat_of(parts: Parts) -> Heartbeat:
    return compose(
        ORIGIN,
        parts,
        role="leader",
        sequence=17,
        written_at=datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=UTC),
        monotonic_s=98765.4321,
    )


def test_a_beat_of_nothing_but_defaults_is_believed() -> None:
    """Where every source broke, the beat still says who and when."""
    beat = beat_of(Parts())

    assert decode(encode(beat)) == beat
    assert (beat.sequence, beat.state) == (17, "starting")
    assert beat.written_at == "2026-01-01T00:00:00.001Z"
    assert beat.monotonic_s == 98765.432


def test_parts_arrive_where_they_belong() -> None:
    """State, loop, stages and failure are told as they were given."""
    failure = Failure(kind="invalid_token", message="set a new one", permanent=True)

    beat = beat_of(
        Parts(state="failed", loop=Loop(pulse=7), stages={"login": 0.4}, failure=failure)
    )

    assert (beat.state, beat.loop.pulse, beat.failure) == ("failed", 7, failure)
    assert beat.stages_s == {"login": 0.4}


def test_a_stage_that_is_no_number_is_left_out() -> None:
    """NaN would become null, and the whole beat would not be believed."""
    beat = beat_of(Parts(stages={"imports": 0.1, "login": float("nan")}))

    assert beat.stages_s == {"imports": 0.1}


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        pytest.param(0.1, False, id="fresh"),
        pytest.param(0.7, False, id="exactly at the limit"),
        pytest.param(0.71, True, id="past two pulses and the slow limit"),
    ],
)
def test_a_loop_is_blocked_past_two_pulses_and_the_slow_limit(age_s: float, expected: bool) -> None:
    """With a pulse of 0.1 s and a limit of 0.5 s, the line is at 0.7 s."""
    answer = is_blocked(Loop(pulse_age_s=age_s), pulse_interval_s=0.1, slow_s=0.5)

    assert answer is expected


def test_a_blocked_loop_tells_for_how_long_and_where() -> None:
    """The first interval of the age is the ordinary wait for the next pulse."""
    loop = blocked(Loop(pulse=3, pulse_age_s=2.1), pulse_interval_s=0.1, stack="here")

    assert (loop.pulse, loop.blocked_s, loop.stack) == (3, 2.0, "here")


@pytest.mark.parametrize(
    ("cost_s", "expected"),
    [
        pytest.param(0.0, 0.0, id="nothing"),
        pytest.param(0.0002, 0.0, id="cheap"),
        pytest.param(0.0015, 5.0, id="dear"),
        pytest.param(2.0, 10.0, id="never longer than ten seconds"),
    ],
)
def test_what_is_dear_is_asked_for_seldom(cost_s: float, expected: float) -> None:
    """1.5 ms every 5 s are 0.03 % of a core."""
    pause_s = pause_after(cost_s)

    assert pause_s == pytest.approx(expected)


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        pytest.param("a.py:1 run\n    x()\nselectors.py:468 select\n    poll()", True, id="waits"),
        pytest.param("/lib/selectors.py:468 select", True, id="without its source line"),
        pytest.param("selectors.py:1 f\n    g()\na.py:2 g\n    sleep()", False, id="works"),
        pytest.param("a.py:2 g\n    # selectors.py:1", False, id="only a comment"),
        pytest.param("", False, id="empty"),
    ],
)
def test_a_loop_in_its_selector_is_not_blocked(stack: str, expected: bool) -> None:
    """After the machine slept, the pulse is old and nobody is to blame."""
    answer = waits_for_events(stack)

    assert answer is expected


@pytest.mark.parametrize(
    ("lags_s", "expected"),
    [
        pytest.param([], (0.0, 0.0, 0.0), id="none yet"),
        pytest.param([0.002], (2.0, 2.0, 2.0), id="one"),
        pytest.param([*[0.0] * 9, 10.0], (0.0, 0.0, 10_000.0), id="one long pause"),
        pytest.param([n / 1000 for n in range(1, 101)], (50.0, 99.0, 100.0), id="a hundred"),
    ],
)
def test_lag_quantiles_are_nearest_ranks_in_milliseconds(
    lags_s: list[float], expected: tuple[float, float, float]
) -> None:
    """A quantile is a lag that was measured, never one in between."""
    quantiles = lag_quantiles(lags_s)

    assert quantiles == expected


@given(
    start_s=st.floats(0, 1e6),
    interval_s=st.floats(0.1, 10),
    elapsed_s=st.floats(0, 1e4),
)
def test_the_next_beat_is_on_the_grid_and_within_one_interval(
    start_s: float, interval_s: float, elapsed_s: float
) -> None:
    """A late beat skips the missed ones: it neither drifts nor catches up in a burst."""
    now_s = start_s + elapsed_s

    next_s = next_on_grid(start_s, interval_s=interval_s, now_s=now_s)

    assert now_s - 1e-6 <= next_s <= now_s + interval_s + 1e-6
    steps = (next_s - start_s) / interval_s
    assert steps == pytest.approx(round(steps), abs=1e-4)


@pytest.mark.parametrize(
    ("used_s", "elapsed_s", "expected"),
    [
        pytest.param(0.5, 1.0, 50.0, id="half a core"),
        pytest.param(0.5, 0.01, None, id="too short to tell"),
        pytest.param(-0.1, 1.0, 0.0, id="never negative"),
    ],
)
def test_cpu_is_a_share_of_one_core(
    used_s: float, elapsed_s: float, expected: float | None
) -> None:
    """CPU seconds over elapsed seconds, in percent."""
    percent = cpu_percent(used_s=used_s, elapsed_s=elapsed_s)

    assert percent == expected


def test_wall_time_ends_with_z() -> None:
    """ISO 8601 in UTC, to the millisecond."""
    written_at = iso_utc(datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC))

    assert written_at == "2038-01-19T03:14:08.000Z"
