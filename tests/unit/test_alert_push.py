"""The push monitor: fetched while healthy, silent otherwise."""

from __future__ import annotations

from tests.fakes import FakeClock
from watchdog.alerts.delivery import Answer
from watchdog.alerts.fetch import FetchError, Target
from watchdog.alerts.push import FRESH_S, PushMonitor

URL = "http://127.0.0.1:1/push"


class Calls:
    """Answer every call with *status*; 0 stands for no answer at all."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.count = status, 0

    def __call__(self, target: Target) -> Answer:
        self.count += 1
        if self.status == 0:
            raise FetchError("timeout")
        return Answer(status=self.status, headers={}, body=b"")


def monitor(calls: Calls, clock: FakeClock) -> PushMonitor:
    return PushMonitor(URL, interval_s=60.0, call=calls, clock=clock)


def test_nothing_is_fetched_before_anybody_is_healthy(clock: FakeClock) -> None:
    """Silence is the alarm, so it must be kept."""
    calls = Calls()

    wait_s = monitor(calls, clock).step()

    assert (wait_s, calls.count) == (None, 0)


def test_the_first_health_is_told_at_once_and_then_at_its_interval(clock: FakeClock) -> None:
    """One fetch an interval, the first without waiting."""
    calls = Calls()
    push = monitor(calls, clock)

    push.healthy(True)
    waits = [push.step()]
    clock.advance(10.0)
    push.healthy(True)
    waits.append(push.step())

    assert waits == [60.0, 50.0]
    assert calls.count == 1


def test_a_sick_bot_ends_the_fetching(clock: FakeClock) -> None:
    """The monitor alarms when its interval passes without a fetch."""
    calls = Calls()
    push = monitor(calls, clock)
    push.healthy(True)
    push.step()

    push.healthy(False)
    clock.advance(600.0)

    assert push.step() is None
    assert calls.count == 1


def test_a_health_nobody_confirms_any_more_is_none(clock: FakeClock) -> None:
    """A watchdog that hangs after its last good word must not look well from outside."""
    calls = Calls()
    push = monitor(calls, clock)
    push.healthy(True)
    push.step()

    clock.advance(max(FRESH_S, 60.0) + 1.0)

    assert push.step() is None
    assert calls.count == 1


def test_a_failed_fetch_is_tried_again_sooner(clock: FakeClock) -> None:
    """A lost packet must not become an alarm: retries come within the interval."""
    push = monitor(Calls(status=0), clock)

    waits = []
    for _ in range(6):
        push.healthy(True)
        waits.append(push.step())
        clock.now_s = push.due_at_s

    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert push.failures == 6


def test_a_success_after_failures_goes_back_to_the_interval(clock: FakeClock) -> None:
    """Counting begins anew."""
    calls = Calls(status=503)
    push = monitor(calls, clock)
    push.healthy(True)
    push.step()
    calls.status = 200

    clock.advance(5.0)
    push.healthy(True)

    assert push.step() == 60.0
    assert (push.fetched, push.failures) == (1, 1)
