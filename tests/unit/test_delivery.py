"""When an event counts as finished, and what becomes of it in the next process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from bot.gateway.delivery import Delivery
from bot.gateway.event import GatewayEvent, current_event, redelivered
from bot.gateway.fate import Fate, fate
from bot.gateway.session import Marks, NoJournal
from bot.tasks.manager import TaskManager
from tests.fakes import FakeClock

MARKS = Marks(received=20, received_at_s=0.0, unfinished={12: 1, 15: 2})


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        pytest.param(11, Fate(way="cache"), id="finished before the first unfinished one"),
        pytest.param(13, Fate(way="cache"), id="finished between two"),
        pytest.param(20, Fate(way="cache"), id="the last one, finished"),
        pytest.param(
            12,
            Fate(way="handle", attempt=2, again=True, recorded=True, alone=True),
            id="begun once",
        ),
        pytest.param(15, Fate(way="poisoned", attempt=2, again=True), id="begun twice"),
        pytest.param(21, Fate(way="handle", recorded=True), id="never received"),
    ],
)
def test_what_becomes_of_a_replayed_event(sequence: int, expected: Fate) -> None:
    """Finished ones are for the cache, unfinished ones are handled again, but not for ever."""
    assert fate(MARKS, sequence) == expected


def test_after_a_clean_end_no_event_is_suspected() -> None:
    """What was unfinished then killed nobody."""
    marks = Marks(received=20, received_at_s=0.0, unfinished={12: 0}, clean=True)

    assert fate(marks, 12) == Fate(way="handle", again=True, recorded=True)
    assert fate(marks, 21) == Fate(way="handle")


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        pytest.param(MARKS, 11, id="before the oldest unfinished one"),
        pytest.param(Marks(received=20, received_at_s=0.0), 20, id="nothing unfinished"),
    ],
)
def test_where_a_session_is_resumed(marks: Marks, expected: int) -> None:
    """Discord replays what comes after the answer."""
    assert marks.resume_from == expected


class Noted(NoJournal):
    """A journal that keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.finished: list[int] = []

    def on_begun(self, shard_id: int, sequence: int, attempt: int) -> None:
        self.begun.append((sequence, attempt))

    def on_finished(self, shard_id: int, sequence: int) -> None:
        self.finished.append(sequence)


class Stage:
    """A delivery that watches real tasks of a real loop."""

    def __init__(self, tasks: TaskManager) -> None:
        self.journal, self.clock, self.tasks = Noted(), FakeClock(), tasks
        self.delivery = Delivery(self.journal, ack_after_s=0.02, clock=self.clock)
        tasks.add_observer(self.delivery)

    def hand_over(
        self, sequence: int, *work: Coroutine[Any, Any, None], attempt: int = 1, begun: bool = False
    ) -> GatewayEvent:
        """Deliver an event whose handlers are *work*."""
        event = GatewayEvent(
            shard_id=0, sequence=sequence, name="TEST", received_at_s=0.0, attempt=attempt
        )
        self.delivery.begin(event, begun=begun)
        token = current_event.set(event)
        for number, coro in enumerate(work):
            self.tasks.create_task(coro, name=f"handler-{number}")
        current_event.reset(token)
        self.delivery.handed_over(event)
        return event


@pytest_asyncio.fixture
async def on() -> AsyncIterator[Stage]:
    """A stage, with its tasks ended afterwards."""
    async with TaskManager() as tasks:
        yield Stage(tasks)
        await tasks.shutdown(1.0)


async def turns(count: int = 5) -> None:
    """Let the loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_event_that_starts_nothing_troubles_no_journal(on: Stage) -> None:
    """Most events have no handler: their number alone is noted, by the caller."""
    on.hand_over(7)

    assert on.journal.begun == []
    assert on.journal.finished == []
    assert on.delivery.unfinished == 0


async def test_an_event_is_finished_with_its_last_task(on: Stage) -> None:
    """Also a task that a handler started and did not wait for."""
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    async def start_another() -> None:
        on.tasks.create_task(wait(), name="left-behind")

    on.hand_over(7, start_another())
    await turns()
    before = list(on.journal.finished)
    gate.set()
    await turns()

    assert (on.journal.begun, before, on.journal.finished) == ([(7, 1)], [], [7])


async def test_a_handler_that_raises_has_finished(on: Stage) -> None:
    """To fail is an end too; it would fail again."""

    async def fail() -> None:
        raise LookupError("a handler's mistake")

    on.hand_over(7, fail())
    await turns()

    assert on.journal.finished == [7]


async def test_what_waits_long_does_not_hold_an_event_back(on: Stage) -> None:
    """A view, `wait_for` or a sleep: after `EVENT_ACK_AFTER_S` the event is finished."""
    event = on.hand_over(7, asyncio.sleep(60))
    on.clock.advance(0.03)
    await on.delivery.finished(event)

    assert on.journal.finished == [7]


async def test_tasks_of_a_finished_event_do_not_begin_it_anew(on: Stage) -> None:
    """A loop that a handler started lives on, and starts tasks for ever."""
    gate = asyncio.Event()

    async def loop() -> None:
        await gate.wait()
        on.tasks.create_task(asyncio.sleep(0), name="tick")

    event = on.hand_over(7, loop())
    on.clock.advance(0.03)
    await on.delivery.finished(event)
    gate.set()
    await turns()

    assert on.journal.begun == [(7, 1)]
    assert on.journal.finished == [7]


async def test_what_is_cancelled_at_a_stop_is_left_for_the_next_process(on: Stage) -> None:
    """Its handlers were not done."""
    on.hand_over(7, asyncio.sleep(60))
    await turns()
    on.delivery.close()
    await on.tasks.shutdown(1.0)

    assert on.journal.finished == []


async def test_events_of_a_session_that_is_over_are_forgotten(on: Stage) -> None:
    """Their numbers will be given again."""
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    on.hand_over(7, wait())
    await turns()
    on.delivery.forget(0)
    gate.set()
    await turns()

    assert on.journal.finished == []


async def test_a_handler_can_ask_whether_it_runs_again(on: Stage) -> None:
    """Also in a task of its own; outside of events nothing is redelivered."""
    seen: list[bool] = []

    async def ask() -> None:
        seen.append(redelivered())

    on.hand_over(7, ask())
    on.hand_over(8, ask(), attempt=2, begun=True)
    await turns()

    assert seen == [False, True]
    assert redelivered() is False
    assert on.journal.begun == [(7, 1)]  # the second one is begun in the journal already
    assert on.journal.finished == [7, 8]
