"""Steps that are repeated: when, after failures, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.tasks.manager import TaskManager
from bot.tasks.periodic import Periodic
from bot.tasks.schedule import Backoff, next_due_s
from tests.fakes import FakeDraw
from tests.virtual_time import turns

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def manager() -> AsyncIterator[TaskManager]:
    async with TaskManager(clock=asyncio.get_running_loop().time) as manager:
        yield manager


def loop_time() -> float:
    return asyncio.get_running_loop().time()


class Step:
    """A step that notes when it was called, takes a while, and fails when told to."""

    def __init__(self, *, takes_s: float = 0.0, failures: int = 0) -> None:
        self.takes_s, self.failures = takes_s, failures
        self.began_at: list[float] = []

    async def __call__(self) -> None:
        self.began_at.append(loop_time())
        await asyncio.sleep(self.takes_s)
        if self.failures:
            self.failures -= 1
            raise LookupError("mine")


def periodic(manager: TaskManager, step: Any, **options: Any) -> Periodic:
    options = {
        "name": "poll",
        "interval_s": 10.0,
        "clock": loop_time,
        "draw": FakeDraw(0.0),
        **options,
    }
    return Periodic(step=step, tasks=manager, **options)


async def test_steps_come_at_once_and_then_at_every_interval(manager: TaskManager) -> None:
    """The first one does not wait."""
    step = Step()
    async with periodic(manager, step):
        await asyncio.sleep(35)

    assert step.began_at == pytest.approx([0, 10, 20, 30])


async def test_steps_do_not_drift(manager: TaskManager) -> None:
    """What a step takes is not added to the interval, not even after a thousand of them."""
    step = Step(takes_s=3.7)
    async with periodic(manager, step):
        await asyncio.sleep(9995)

    assert step.began_at == pytest.approx([10 * number for number in range(1000)])


async def test_steps_that_were_missed_are_skipped(manager: TaskManager) -> None:
    """A slow step is followed by the next point of the grid, not by a burst, and none overlap."""
    step = Step(takes_s=25)
    async with periodic(manager, step):
        await asyncio.sleep(95)

    assert step.began_at == pytest.approx([0, 30, 60, 90])


async def test_failures_are_survived_with_a_growing_pause(manager: TaskManager) -> None:
    """1, 2, 4, 8, 16 s: the pause is rounded up to the grid; success ends it."""
    step = Step(failures=5)
    with capture_logs() as logs:
        async with periodic(manager, step, interval_s=3.0) as polling:
            await asyncio.sleep(48)

    failed = [entry for entry in logs if entry["event"] == "periodic.failed"]
    assert step.began_at == pytest.approx([0, 3, 6, 12, 21, 39, 42, 45])
    assert [entry["pause_s"] for entry in failed] == [1, 2, 4, 8, 16]
    assert all(isinstance(entry["exc_info"], LookupError) for entry in failed)
    assert [entry["event"] for entry in logs if entry["event"] == "task.failed"] == []
    assert polling.failures == 0


async def test_the_last_success_is_remembered(manager: TaskManager) -> None:
    """None before the first one; a failure does not move it."""
    step = Step()
    polling = periodic(manager, step)
    before = (polling.last_success_at_s, polling.age_s())
    await asyncio.sleep(5)
    succeeded = await polling.tick()
    await asyncio.sleep(5)
    step.failures = 1
    with capture_logs():
        failed = await polling.tick()

    assert before == (None, None)
    assert (succeeded, failed) == (True, False)
    assert (polling.last_success_at_s, polling.age_s()) == (5.0, 5.0)
    assert (polling.runs, polling.failures) == (2, 1)


async def test_a_step_that_takes_too_long_is_ended_and_counts_as_failed(
    manager: TaskManager,
) -> None:
    """Its own limit keeps one step that hangs from being the last one."""
    step = Step(takes_s=3600)
    with capture_logs() as logs:
        async with periodic(manager, step, timeout_s=2.0):
            await asyncio.sleep(15)

    (first, _) = [entry for entry in logs if entry["event"] == "periodic.failed"]
    assert step.began_at == pytest.approx([0, 10])
    assert "poll took longer than 2 s" in str(first["exc_info"])


async def test_a_step_that_cancels_itself_is_a_failure_like_others(manager: TaskManager) -> None:
    """A stray CancelledError does not end the series."""
    calls = 0

    async def cancelling() -> None:
        nonlocal calls
        calls += 1
        raise asyncio.CancelledError

    with capture_logs() as logs:
        async with periodic(manager, cancelling):
            await asyncio.sleep(15)

    assert calls == 2
    assert {entry["error"] for entry in logs} == {"CancelledError"}


async def test_it_stops_at_once_between_steps(manager: TaskManager) -> None:
    """Leaving the block does not wait for the next point of the grid."""
    async with periodic(manager, Step()):
        await asyncio.sleep(1)

    assert loop_time() == pytest.approx(1)
    assert len(asyncio.all_tasks()) == 1


async def test_it_stops_at_once_within_a_step(manager: TaskManager) -> None:
    """The step that runs is cancelled, and has ended when the block is left."""
    ended: list[float] = []

    async def cleaning() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(1)
            ended.append(loop_time())

    async with periodic(manager, cleaning):
        await asyncio.sleep(1)

    assert ended == pytest.approx([2])
    assert len(asyncio.all_tasks()) == 1


async def test_a_step_that_will_not_end_is_named_and_left_behind(manager: TaskManager) -> None:
    """Leaving the block takes bounded time."""
    released = asyncio.Event()

    async def refusing() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    with capture_logs() as logs:
        async with periodic(manager, refusing):
            await asyncio.sleep(1)
        took_s = loop_time() - 1
        released.set()
        await turns()

    (entry,) = [entry for entry in logs if entry["event"] == "periodic.not_stopped"]
    assert "wait" in entry["waiting_at"]
    assert took_s < 5


async def test_durations_of_steps_are_in_the_statistics(manager: TaskManager) -> None:
    """Each step is a task of its own, under the name of the series."""
    async with periodic(manager, Step(takes_s=2.0)):
        await asyncio.sleep(35)

    poll = manager.snapshot().by_name["poll"]
    assert poll.completed == 4
    assert poll.p99_ms == pytest.approx(2000, rel=0.07)


@pytest.mark.parametrize("interval_s", [0.0, -1.0, float("nan"), float("inf")])
def test_an_interval_that_makes_no_sense_is_refused(interval_s: float) -> None:
    """The error says which series it was."""
    with pytest.raises(ValueError, match="poll: interval_s"):
        periodic(TaskManager(), Step(), interval_s=interval_s, clock=lambda: 0.0)


@given(
    start_s=st.floats(0, 1e6),
    interval_s=st.floats(0.001, 1e5),
    elapsed_s=st.floats(0, 1e6),
    pause_s=st.floats(0, 1e4),
)
def test_the_next_step_is_after_now_after_the_pause_and_on_the_grid(
    start_s: float, interval_s: float, elapsed_s: float, pause_s: float
) -> None:
    """Whatever time it is, the next point is the first one that is allowed."""
    now_s = start_s + elapsed_s
    due_s = next_due_s(
        start_s=start_s, interval_s=interval_s, now_s=now_s, not_before_s=now_s + pause_s
    )
    hair_s = 1e-6 + interval_s * 1e-6

    assert due_s > now_s
    assert due_s >= now_s + pause_s - hair_s
    assert due_s <= now_s + pause_s + interval_s + hair_s
    steps = (due_s - start_s) / interval_s
    assert abs(steps - round(steps)) * interval_s < hair_s


@pytest.mark.parametrize(
    ("failures", "draw", "delay_s"),
    [
        pytest.param(0, 0.5, 0.0, id="no failure"),
        pytest.param(1, 0.0, 1.0, id="first"),
        pytest.param(4, 0.0, 8.0, id="doubles"),
        pytest.param(4, 0.5, 7.2, id="jitter shortens"),
        pytest.param(10_000, 0.0, 60.0, id="cap"),
    ],
)
def test_a_pause_doubles_with_every_failure_up_to_its_cap(
    failures: int, draw: float, delay_s: float
) -> None:
    """1 s, 2 s, 4 s … 60 s, less up to a fifth."""
    assert Backoff().delay_s(failures, draw=draw) == pytest.approx(delay_s)


def test_a_draw_outside_its_range_is_refused() -> None:
    """Jitter can only shorten a pause."""
    with pytest.raises(ValueError, match="draw must be in"):
        Backoff().delay_s(1, draw=1.0)
