"""The loop's own pulse, stamped by hand."""

from __future__ import annotations

import pytest

from bot.heartbeat.pulse import LoopPulse
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_pulse_ages_while_the_loop_is_blocked(clock: FakeClock) -> None:
    """A pulse nobody refreshes grows old at the clock's pace."""
    pulse = LoopPulse(clock=clock)

    clock.advance(7.5)

    assert pulse.age_s() == 7.5


def test_a_stamp_makes_the_pulse_young_and_counts(clock: FakeClock) -> None:
    """Every stamp is one more pulse, of age zero."""
    pulse = LoopPulse(clock=clock)
    clock.advance(3.0)

    pulse.stamp()

    assert (pulse.count, pulse.age_s()) == (1, 0.0)


def test_lag_is_how_much_later_than_its_interval_a_stamp_came(clock: FakeClock) -> None:
    """A stamp after 0.35 s of an interval of 0.1 s lags by 250 ms."""
    pulse = LoopPulse(interval_s=0.1, clock=clock)

    for elapsed_s in (0.1, 0.1, 0.35):
        clock.advance(elapsed_s)
        pulse.stamp()

    snapshot = pulse.snapshot()
    assert snapshot.pulse == 3
    assert snapshot.lag_ms_p50 == 0.0
    assert snapshot.lag_ms_max == pytest.approx(250.0)


def test_lags_are_those_of_the_last_minute(clock: FakeClock) -> None:
    """What lagged two minutes ago is history."""
    pulse = LoopPulse(interval_s=0.1, clock=clock)
    clock.advance(5.0)
    pulse.stamp()

    clock.advance(120.0)

    assert pulse.snapshot().lag_ms_max == 0.0


def test_lags_of_the_last_minute_are_all_there(clock: FakeClock) -> None:
    """Half a minute ago is not history, and every lag counts once."""
    pulse = LoopPulse(interval_s=0.1, clock=clock)
    for number in range(900):
        clock.advance(2.1 if number == 600 else 0.1)
        pulse.stamp()

    snapshot = pulse.snapshot()

    assert snapshot.lag_ms_p99 < 0.001
    assert snapshot.lag_ms_max == pytest.approx(2000.0)


def test_memory_stays_constant(clock: FakeClock) -> None:
    """After hours of pulses no more lags are kept than fit into a minute."""
    pulse = LoopPulse(interval_s=0.1, clock=clock)
    for _ in range(5000):
        clock.advance(0.1)
        pulse.stamp()

    kept = len(pulse._lags_s), len(pulse._stamped_at_s)

    assert kept == (600, 600)


def test_a_clock_that_goes_backwards_makes_no_negative_age(clock: FakeClock) -> None:
    """An age is never below zero, whatever the clock does."""
    pulse = LoopPulse(clock=clock)

    clock.advance(-5.0)
    pulse.stamp()
    clock.advance(-5.0)

    assert pulse.snapshot().pulse_age_s == 0.0
    assert pulse.snapshot().lag_ms_max == 0.0
