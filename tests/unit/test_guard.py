"""Guards of the loop: what is refused, and what is said of a callback that blocks."""

from __future__ import annotations

import asyncio
import threading

import pytest
from structlog.testing import capture_logs

from bot.tasks import guard, stacks
from bot.tasks.guard import (
    ForeignLoopError,
    RunningLoopError,
    SlowCallbackWatch,
    check_loop,
    check_thread,
    refuse_running_loop,
)
from tests.fakes import FakeClock
from tests.virtual_time import VirtualTimeLoop


def test_outside_a_loop_a_start_is_allowed() -> None:
    """Nothing happens where no loop runs."""
    refuse_running_loop("run()")


async def test_a_start_inside_a_running_loop_is_refused_with_the_right_way() -> None:
    """The error names what to await instead."""
    with pytest.raises(RunningLoopError, match=r"run\(\) was called inside.*await serve\(\) inst"):
        refuse_running_loop("run()", instead="serve()")


async def test_a_future_of_this_loop_is_accepted() -> None:
    """Nothing happens for what belongs here."""
    check_loop(asyncio.get_running_loop().create_future())


async def test_a_future_of_another_loop_is_refused_with_the_right_way() -> None:
    """The error names the bridge and asyncio's own way."""
    other = VirtualTimeLoop()
    try:
        with pytest.raises(ForeignLoopError, match="another event loop; hand work over with"):
            check_loop(other.create_future())
    finally:
        other.close()


async def test_a_call_in_the_right_loop_is_accepted() -> None:
    """Nothing happens for who is where he belongs."""
    check_thread(asyncio.get_running_loop(), "submit")


async def test_a_call_from_another_loop_or_from_none_is_refused() -> None:
    """Both are told how to get there."""
    loop = asyncio.get_running_loop()
    errors: list[str] = []

    def call() -> None:
        try:
            check_thread(loop, "submit")
        except ForeignLoopError as error:
            errors.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    with pytest.raises(ForeignLoopError, match="submit was called outside"):
        check_thread(None, "submit")

    assert "loop.call_soon_threadsafe(submit" in errors[0]


class Loop:
    """A pulse that a test lets grow old."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.stamped_at_s = clock, clock()

    def stamp(self) -> None:
        self.stamped_at_s = self.clock()

    def age_s(self) -> float:
        return self.clock() - self.stamped_at_s


def watch(loop: Loop, *, limit_s: float = 0.5) -> SlowCallbackWatch:
    return SlowCallbackWatch(
        age_s=loop.age_s, thread_id=threading.get_ident(), limit_s=limit_s, clock=loop.clock
    )


def test_a_healthy_loop_is_looked_at_when_it_could_be_late_at_the_earliest(
    clock: FakeClock,
) -> None:
    """The watch sleeps until the pulse would pass the limit if no other came."""
    loop = Loop(clock)
    clock.advance(0.08)

    assert watch(loop).look() == pytest.approx(0.42, abs=0.01)


def test_one_block_is_one_record_with_the_stack(clock: FakeClock) -> None:
    """However often the watch looks, it says once where the loop is stuck."""
    loop = Loop(clock)
    slow = watch(loop)
    with capture_logs() as logs:
        for _ in range(10):
            clock.advance(0.1)
            slow.look()

    (blocked,) = logs
    assert (blocked["event"], blocked["limit_s"], blocked["log_level"]) == (
        "loop.blocked", 0.5, "warning",
    )  # fmt: skip
    assert "test_one_block_is_one_record_with_the_stack" in blocked["stack"]
    assert slow.blocks == 1


def test_the_end_of_a_block_says_how_long_it_lasted(clock: FakeClock) -> None:
    """From the last pulse before to the first one after."""
    loop = Loop(clock)
    slow = watch(loop)
    with capture_logs() as logs:
        clock.advance(0.6)
        slow.look()
        clock.advance(2.4)
        loop.stamp()
        clock.advance(0.01)
        slow.look()

    assert (logs[1]["event"], logs[1]["blocked_s"]) == ("loop.unblocked", 3.0)
    assert slow.longest_s == pytest.approx(3.0)


def test_two_blocks_in_a_row_are_two_records(clock: FakeClock) -> None:
    """A loop that was free for a moment that nobody saw has blocked twice."""
    loop = Loop(clock)
    slow = watch(loop)
    with capture_logs() as logs:
        clock.advance(0.6)
        slow.look()
        loop.stamp()
        clock.advance(0.6)
        slow.look()

    assert [entry["event"] for entry in logs] == [
        "loop.blocked", "loop.unblocked", "loop.blocked",
    ]  # fmt: skip
    assert slow.blocks == 2


@pytest.mark.parametrize(
    ("limit_s", "age_s", "reported"),
    [
        pytest.param(0.5, 0.49, False, id="under the limit"),
        pytest.param(0.5, 0.51, True, id="over the limit"),
        pytest.param(0.01, 0.1, False, id="the pulse's own interval is no block"),
        pytest.param(0.01, 0.12, True, id="a small limit adds to the interval"),
    ],
)
def test_the_limit_is_compared_with_the_age_of_the_pulse(
    clock: FakeClock, limit_s: float, age_s: float, reported: bool
) -> None:
    """Whatever the limit, a healthy loop is never reported."""
    loop = Loop(clock)
    slow = watch(loop, limit_s=limit_s)
    with capture_logs() as logs:
        clock.advance(age_s)
        slow.look()

    assert bool(logs) == reported


def test_a_loop_that_waits_is_not_blamed(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the machine slept the pulse is old, but no callback is at fault."""
    monkeypatch.setattr(stacks, "innermost_file", lambda thread_id: "/lib/selectors.py")
    loop = Loop(clock)
    slow = watch(loop)
    with capture_logs() as logs:
        clock.advance(600)
        slow.look()
        loop.stamp()
        slow.look()

    assert (logs, slow.blocks) == ([], 0)


def test_while_it_is_blocked_it_is_looked_at_often(clock: FakeClock) -> None:
    """The end of the block is seen soon."""
    loop = Loop(clock)
    slow = watch(loop)
    clock.advance(0.6)
    with capture_logs():
        pause_s = slow.look()

    assert pause_s == guard.LOOK_AGAIN_S
