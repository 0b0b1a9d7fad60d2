"""How often and how patiently: the policy as a table, and what must always hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.restart.policy import GiveUp, RestartAfter, RestartPolicy, backoff_s, decide

POLICY = RestartPolicy()


@pytest.mark.parametrize(
    ("history", "delay_s"),
    [
        pytest.param([], 0.0, id="the first at once"),
        pytest.param([999.0], 2.0, id="the second after 2 s"),
        pytest.param([990.0, 999.0], 4.0, id="then 4"),
        pytest.param([980.0, 990.0, 999.0], 8.0, id="then 8"),
        pytest.param([970.0, 980.0, 990.0, 999.0], 16.0, id="then 16"),
        pytest.param([100.0, 399.9], 0.0, id="old ones do not count"),
        pytest.param([400.0], 0.0, id="at the end of the window it is old"),
        pytest.param([400.1], 2.0, id="within the window it counts"),
    ],
)
def test_a_restart_waits_longer_each_time(history: list[float], delay_s: float) -> None:
    """0, 2, 4, 8, 16 s without jitter."""
    assert decide(POLICY, history, now_s=1000.0, draw=0.0) == RestartAfter(delay_s=delay_s)


def test_the_sixth_failure_in_the_window_is_given_up() -> None:
    """Five restarts did not help."""
    history = [600.0, 700.0, 800.0, 900.0, 999.0]

    assert decide(POLICY, history, now_s=1000.0, draw=0.5) == GiveUp(restarts=5)


def test_a_crash_every_90_seconds_is_given_up_too() -> None:
    """The window slides: no restart is forgotten before ten minutes."""
    history: list[float] = []
    at_s = 0.0
    for _ in range(5):
        at_s += 90.0
        decision = decide(POLICY, history, now_s=at_s, draw=0.0)
        assert isinstance(decision, RestartAfter)
        history.append(at_s)
        at_s += decision.delay_s

    assert decide(POLICY, history, now_s=at_s + 90.0, draw=0.0) == GiveUp(restarts=5)


@pytest.mark.parametrize("draw", [-0.1, 1.0, float("nan")])
def test_a_draw_outside_its_range_is_refused(draw: float) -> None:
    """A caller that mixes up its numbers is told."""
    with pytest.raises(ValueError, match=r"draw must be in \[0, 1\)"):
        decide(POLICY, [], now_s=0.0, draw=draw)


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=20),
    st.floats(0, 1, exclude_max=True),
)
def test_a_delay_is_never_negative_nor_above_the_cap(history: list[float], draw: float) -> None:
    """Whatever the history."""
    decision = decide(POLICY, history, now_s=0.0, draw=draw)

    assert isinstance(decision, GiveUp) or 0 <= decision.delay_s <= POLICY.cap_s


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_shortens_by_a_fifth_at_most(restarts: int, draw: float) -> None:
    """So many bots on one machine do not start in step."""
    longest_s = backoff_s(POLICY, restarts, draw=0.0)

    assert longest_s * 0.8 <= backoff_s(POLICY, restarts, draw=draw) <= longest_s


@given(st.lists(st.floats(0, 2000), max_size=60))
def test_no_window_ever_holds_more_than_the_budget(gaps: list[float]) -> None:
    """However the failures are spread."""
    history: list[float] = []
    now_s = 0.0
    for gap_s in gaps:
        now_s += gap_s
        if isinstance(decide(POLICY, history, now_s=now_s, draw=0.0), RestartAfter):
            history.append(now_s)

    for at_s in history:
        within = [other for other in history if 0 <= at_s - other < POLICY.window_s]
        assert len(within) <= POLICY.max_restarts
