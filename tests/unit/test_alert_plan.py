"""When alerts are taken, sent, merged and held back."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.alerts import plan
from watchdog.alerts.alert import Alert, AlertKind

LIMITS = plan.Limits(burst=2, refill_s=10.0, repeat_s=100.0, base_s=2.0, cap_s=60.0, jitter=0.5)


def alert(number: int = 1, kind: AlertKind = "incident") -> Alert:
    return Alert(kind=kind, key=f"incident-{number}", at="", title="", text="")


def test_nothing_pending_is_nothing_to_wait_for() -> None:
    """An empty queue sleeps until somebody offers an alert."""
    pace = plan.fresh(LIMITS, now_s=0.0)

    decision = plan.decide(pace, [], limits=LIMITS, now_s=0.0)

    assert decision == plan.Wait(until_s=None)


def test_the_first_alert_goes_out_at_once() -> None:
    """A sender that was quiet has its whole burst."""
    pace = plan.fresh(LIMITS, now_s=0.0)

    decision = plan.decide(pace, [alert()], limits=LIMITS, now_s=0.0)

    assert decision == plan.Send(full=(0,), summed=())


def test_a_spent_burst_waits_for_its_refill() -> None:
    """After the burst, one message is allowed for each refill time."""
    pace = plan.fresh(LIMITS, now_s=0.0)
    for _ in range(LIMITS.burst):
        pace = plan.concluded(pace, limits=LIMITS, now_s=0.0)

    waiting = plan.decide(pace, [alert()], limits=LIMITS, now_s=4.0)
    sending = plan.decide(pace, [alert()], limits=LIMITS, now_s=10.0)

    assert waiting == plan.Wait(until_s=10.0)
    assert sending == plan.Send(full=(0,), summed=())


def test_a_long_silence_earns_no_more_than_the_burst() -> None:
    """Quiet days do not allow a storm."""
    pace = plan.fresh(LIMITS, now_s=0.0)
    for _ in range(LIMITS.burst):
        pace = plan.concluded(pace, limits=LIMITS, now_s=1e6)

    decision = plan.decide(pace, [alert()], limits=LIMITS, now_s=1e6)

    assert isinstance(decision, plan.Wait)


def test_what_had_to_wait_goes_out_together() -> None:
    """Up to nine alerts are one message that shows them all."""
    pace = plan.fresh(LIMITS, now_s=0.0)

    decision = plan.decide(pace, [alert(n) for n in range(9)], limits=LIMITS, now_s=0.0)

    assert decision == plan.Send(full=tuple(range(9)), summed=())


def test_a_storm_is_summed_up_and_the_urgent_is_shown() -> None:
    """The latest alerts and all urgent ones are shown, the rest is counted."""
    pending = [alert(0, "give_up"), *(alert(n) for n in range(1, 30))]

    decision = plan.decide(plan.fresh(LIMITS, now_s=0.0), pending, limits=LIMITS, now_s=0.0)

    assert isinstance(decision, plan.Send)
    assert decision.full == (0, *range(22, 30))
    assert sorted(decision.full + decision.summed) == list(range(30))


def test_failures_double_the_wait_up_to_the_cap() -> None:
    """Backoff grows from the base and never past the cap."""
    pace, waits = plan.fresh(LIMITS, now_s=0.0), []
    for _ in range(8):
        pace = plan.failed(pace, after_s=None, limits=LIMITS, now_s=0.0, draw=0.0)
        waits.append(pace.not_before_s)

    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_jitter_shortens_the_wait() -> None:
    """The drawn share is taken off, so that many installations do not come back together."""
    pace = plan.fresh(LIMITS, now_s=0.0)

    pace = plan.failed(pace, after_s=None, limits=LIMITS, now_s=0.0, draw=0.5)

    assert pace.not_before_s == pytest.approx(1.5)


def test_a_wait_that_was_asked_for_is_never_undercut() -> None:
    """Retry-After wins over a shorter backoff."""
    pace = plan.fresh(LIMITS, now_s=0.0)

    pace = plan.failed(pace, after_s=45.0, limits=LIMITS, now_s=0.0, draw=0.9)

    assert plan.decide(pace, [alert()], limits=LIMITS, now_s=44.9) == plan.Wait(until_s=45.0)


def test_success_ends_the_backoff() -> None:
    """The next failure begins at the base again."""
    pace = plan.fresh(LIMITS, now_s=0.0)
    for _ in range(5):
        pace = plan.failed(pace, after_s=None, limits=LIMITS, now_s=0.0, draw=0.0)

    pace = plan.concluded(pace, limits=LIMITS, now_s=100.0)
    pace = plan.failed(pace, after_s=None, limits=LIMITS, now_s=100.0, draw=0.0)

    assert pace.not_before_s == 102.0


@pytest.mark.parametrize("draw", [pytest.param(-0.1, id="below"), pytest.param(1.0, id="one")])
def test_a_draw_outside_its_range_is_refused(draw: float) -> None:
    """A wrong draw is a bug of the caller."""
    pace = plan.fresh(LIMITS, now_s=0.0)

    with pytest.raises(ValueError, match="draw"):
        plan.failed(pace, after_s=None, limits=LIMITS, now_s=0.0, draw=draw)


@pytest.mark.parametrize(
    ("waiting", "taken_at_s", "expected"),
    [
        pytest.param((), {}, False, id="never_seen"),
        pytest.param((("incident", "incident-1"),), {}, True, id="waits_already"),
        pytest.param((), {("incident", "incident-1"): 950.0}, True, id="taken_lately"),
        pytest.param((), {("incident", "incident-1"): 900.0}, False, id="taken_long_ago"),
        pytest.param((), {("recovery", "incident-1"): 999.0}, False, id="another_kind_is_news"),
        pytest.param((), {("incident", "incident-1"): 9e9}, True, id="taken_in_the_future"),
    ],
)
def test_repeats_are_known_by_kind_and_key(
    waiting: tuple[plan.Key, ...], taken_at_s: dict[plan.Key, float], expected: bool
) -> None:
    """An alert that waits, or was taken within the repeat time, is not taken again."""
    found = plan.is_repeat(
        plan.key_of(alert(1)),
        waiting=waiting,
        taken_at_s=taken_at_s,
        limits=LIMITS,
        now_s=1000.0,
    )

    assert found is expected


@given(
    kinds=st.lists(st.sampled_from(get_args(AlertKind)), max_size=60),
    now_s=st.floats(0, 1e6),
    tokens=st.floats(0, 2),
)
def test_every_alert_is_either_shown_or_counted(
    kinds: list[AlertKind], now_s: float, tokens: float
) -> None:
    """Whatever is pending, a message holds each alert once and fits into ten embeds."""
    pending = [alert(number, kind) for number, kind in enumerate(kinds)]
    pace = plan.Pace(tokens=tokens, counted_at_s=0.0)

    decision = plan.decide(pace, pending, limits=LIMITS, now_s=now_s)

    if isinstance(decision, plan.Send):
        assert sorted(decision.full + decision.summed) == list(range(len(pending)))
        assert len(decision.full) + bool(decision.summed) <= 10
