"""The circuit breaker of one host, step by step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outbound.breaker import (
    Breaker,
    BreakerPolicy,
    abandoned,
    admit,
    failed,
    open_for_s,
    succeeded,
)

POLICY = BreakerPolicy(failures=3, open_s=10.0, open_cap_s=60.0, probe_limit_s=30.0)


def opened(*, at_s: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(POLICY.failures):
        breaker = failed(POLICY, breaker, probe=False, now_s=at_s)
    return breaker


def test_a_closed_breaker_lets_everything_pass() -> None:
    """Nothing is known against the host."""
    admission = admit(POLICY, Breaker(), now_s=5.0)

    assert admission.allowed
    assert not admission.probe


def test_failures_in_a_row_open_it() -> None:
    """One fewer does not."""
    almost = Breaker()
    for _ in range(POLICY.failures - 1):
        almost = failed(POLICY, almost, probe=False, now_s=0.0)

    assert almost.state == "closed"
    assert failed(POLICY, almost, probe=False, now_s=0.0).state == "open"


def test_a_success_in_between_starts_the_count_anew() -> None:
    """Only failures in a row count."""
    breaker = Breaker(failures=2)

    breaker = succeeded(breaker, probe=False, now_s=0.0)

    assert failed(POLICY, breaker, probe=False, now_s=0.0).state == "closed"


def test_an_open_breaker_refuses_and_says_for_how_long() -> None:
    """Nobody waits for a host that does not answer."""
    admission = admit(POLICY, opened(at_s=100.0), now_s=104.0)

    assert not admission.allowed
    assert admission.retry_after_s == 6.0


def test_one_probe_passes_when_the_time_is_over() -> None:
    """The second caller of that moment is refused."""
    first = admit(POLICY, opened(), now_s=10.0)
    second = admit(POLICY, first.breaker, now_s=10.0)

    assert first.probe
    assert not second.allowed
    assert first.breaker.state == "half_open"


def test_a_probe_that_succeeds_closes_it() -> None:
    """All is forgiven."""
    probing = admit(POLICY, opened(), now_s=10.0).breaker

    closed = succeeded(probing, probe=True, now_s=11.0)

    assert (closed.state, closed.failures, closed.openings) == ("closed", 0, 0)


def test_each_failed_probe_doubles_the_time_up_to_the_cap() -> None:
    """A host that stays dead is asked less and less."""
    breaker, now_s, waits = opened(), 0.0, []
    for _ in range(5):
        wait_s = open_for_s(POLICY, breaker)
        waits.append(wait_s)
        now_s += wait_s
        probing = admit(POLICY, breaker, now_s=now_s)
        assert probing.probe
        breaker = failed(POLICY, probing.breaker, probe=True, now_s=now_s)

    assert waits == [10.0, 20.0, 40.0, 60.0, 60.0]


@pytest.mark.parametrize("state", ["open", "half_open"])
def test_calls_that_began_before_it_opened_change_nothing(state: str) -> None:
    """Their news is old."""
    breaker = opened() if state == "open" else admit(POLICY, opened(), now_s=10.0).breaker

    assert failed(POLICY, breaker, probe=False, now_s=11.0) == breaker
    assert succeeded(breaker, probe=False, now_s=11.0) == breaker


def test_a_cancelled_probe_leaves_its_place_to_the_next_call() -> None:
    """A user who gave up must not keep the host out of reach."""
    probing = admit(POLICY, opened(), now_s=10.0).breaker

    breaker = abandoned(POLICY, probing, probe=True, now_s=12.0)

    assert admit(POLICY, breaker, now_s=12.0).probe


def test_a_cancelled_ordinary_call_is_no_news() -> None:
    """It neither failed nor succeeded."""
    breaker = Breaker(failures=2)

    assert abandoned(POLICY, breaker, probe=False, now_s=1.0) == breaker


def test_a_probe_that_never_reports_back_is_replaced() -> None:
    """Whatever lost it, the host is asked again."""
    probing = admit(POLICY, opened(), now_s=10.0).breaker

    assert not admit(POLICY, probing, now_s=39.0).allowed
    assert admit(POLICY, probing, now_s=40.0).probe


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["answer", "fail", "cancel"]),
            st.floats(0.0, 40.0),
        ),
        max_size=60,
    )
)
def test_a_host_is_never_out_of_reach_for_longer_than_the_cap(
    events: list[tuple[str, float]],
) -> None:
    """Whatever happens in whatever order, a caller is refused for a bounded time."""
    breaker, now_s = Breaker(), 0.0
    for event, elapsed_s in events:
        now_s += elapsed_s
        admission = admit(POLICY, breaker, now_s=now_s)
        breaker = admission.breaker
        if not admission.allowed:
            assert 0 < admission.retry_after_s <= POLICY.open_cap_s
        elif event == "answer":
            breaker = succeeded(breaker, probe=admission.probe, now_s=now_s)
        elif event == "fail":
            breaker = failed(POLICY, breaker, probe=admission.probe, now_s=now_s)
        else:
            breaker = abandoned(POLICY, breaker, probe=admission.probe, now_s=now_s)

    assert admit(POLICY, breaker, now_s=now_s + POLICY.open_cap_s + 0.001).allowed
