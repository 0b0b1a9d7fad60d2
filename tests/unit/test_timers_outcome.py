"""What follows from a timer's attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.timers.outcome import BACKOFF_CAP_S, DONE, MAX_FAILURES, GiveUp, Retry, ending, failing
from bot.timers.timer import Timer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def timer(timer_id: int = 1, due_at: datetime = NOW, channel_id: int | None = None) -> Timer:
    """Answer a timer."""
    return Timer(id=timer_id, kind="k", due_at=due_at, payload={}, channel_id=channel_id)


def test_what_has_happened_is_sent() -> None:
    """And counted."""
    done = ending(DONE, attempts=2, now=NOW)

    assert (done.state, done.attempts, done.next_try_at) == ("sent", 3, None)


def test_what_can_wait_is_pending() -> None:
    """It is due again then, however often that was."""
    again = ending(Retry(30), attempts=1000, now=NOW)

    assert (again.state, again.next_try_at) == ("pending", NOW + timedelta(seconds=30))


def test_what_is_given_up_says_why() -> None:
    """The reason is cut, not lost."""
    failed = ending(GiveUp("x" * 1000), attempts=0, now=NOW)

    assert failed.state == "failed"
    assert len(failed.error or "") == 300


def test_failures_are_retried_with_a_backoff_and_an_end() -> None:
    """The delays grow to a cap; then it has failed."""
    ends = [
        failing("KeyError", attempts=count, failures=count, now=NOW)
        for count in range(MAX_FAILURES)
    ]
    delays = [
        (end.next_try_at - NOW).total_seconds() for end in ends if end.next_try_at is not None
    ]

    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (5, BACKOFF_CAP_S)
    assert [end.state for end in ends][-2:] == ["pending", "failed"]


def test_an_outage_does_not_use_up_the_failures() -> None:
    """A timer that was put off a thousand times may raise once, and is tried again soon."""
    once = failing("KeyError", attempts=1000, failures=0, now=NOW)

    assert (once.state, once.failures) == ("pending", 1)
    assert once.next_try_at == NOW + timedelta(seconds=5)
    assert ending(Retry(30), attempts=1001, now=NOW).failures == 0


@given(st.integers(1, 2**63 - 1), st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)))  # noqa: DTZ001
def test_nonces_fit_and_are_no_numbers(timer_id: int, due_at: datetime) -> None:
    """Discord takes 25 characters; long numbers would be taken for discord.py's own."""
    nonce = timer(timer_id, due_at.replace(tzinfo=UTC)).nonce

    assert len(nonce) <= 25
    assert nonce.startswith("t")


def test_a_timer_at_another_time_has_another_nonce() -> None:
    """Else Discord would take the second reminder for the first one."""
    later = NOW + timedelta(milliseconds=1)

    assert timer(due_at=later).nonce != timer().nonce
    assert timer(timer_id=2).nonce != timer().nonce
    assert timer().nonce == timer().nonce
