"""The same message of the same event gets the same nonce, in whatever order its tasks run."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bot.effects.nonces import Nonces
from bot.gateway.event import GatewayEvent, current_event
from bot.tasks.manager import TaskManager

HERE, THERE = 1, 2  # channels
Handler = Callable[["Run"], Coroutine[Any, Any, None]]


class Run:
    """One process that handles events; `sent` is what it would have posted.

    *delays* are how many turns of the loop each handler waits before it does anything.
    """

    def __init__(self, *delays: int) -> None:
        self.nonces, self.delays = Nonces(), delays
        self.sent: dict[str, str | None] = {}

    async def handle(self, *handlers: Handler, sequence: int = 7, attempt: int = 1) -> None:
        """Start *handlers* as the gateway does for one event, and await them."""
        async with TaskManager() as tasks:
            tasks.add_observer(self.nonces)
            event = GatewayEvent(
                shard_id=0,
                sequence=sequence,
                name="MESSAGE_CREATE",
                received_at_s=float(sequence),
                session_id="s",
                attempt=attempt,
            )
            token = current_event.set(event)
            started = [
                tasks.create_task(self._after(turn, handler), name="handler")
                for turn, handler in enumerate(handlers)
            ]
            current_event.reset(token)
            await asyncio.gather(*started)

    async def _after(self, place: int, handler: Handler) -> None:
        await turns(self.delays[place] if place < len(self.delays) else 0)
        await handler(self)

    def send(self, text: str, channel: int = HERE) -> None:
        """Post *text*."""
        assert text not in self.sent
        self.sent[text] = self.nonces.next_nonce(channel)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def plain(run: Run) -> None:
    run.send("plain 1")
    await turns(2)
    run.send("plain 2")


async def other(run: Run) -> None:
    run.send("other 1")
    await turns(1)
    run.send("other 2", THERE)
    run.send("other 3")


async def nested(run: Run) -> None:
    async def child(name: str, wait: int) -> None:
        await turns(wait)
        run.send(f"{name} 1")
        await turns(wait)
        run.send(f"{name} 2")

    waits = run.delays or (0, 0)
    await asyncio.gather(child("left", waits[0]), child("right", waits[1]))


async def with_foreign_tasks(run: Run) -> None:
    """As an HTTP client that opens a connection, or finds one open."""

    async def connect() -> None:
        await turns(1)

    async def progress(text: str) -> None:
        run.send(text)

    for _ in range(run.delays[0] if run.delays else 0):
        await asyncio.create_task(connect())
    await asyncio.gather(progress("first"), progress("second"))


@pytest.mark.parametrize(
    "handlers",
    [
        pytest.param((plain,), id="one handler"),
        pytest.param((plain, other), id="two handlers"),
        pytest.param((plain, nested, other), id="tasks of a handler"),
        pytest.param((with_foreign_tasks,), id="tasks of a library"),
    ],
)
async def test_another_order_of_the_tasks_changes_no_nonce(handlers: tuple[Handler, ...]) -> None:
    """What sends first in one process may send last in the next."""
    runs = [Run(), Run(0, 5, 1), Run(7, 0, 3), Run(1, 1, 9)]
    for attempt, run in enumerate(runs, start=1):
        await run.handle(*handlers, attempt=attempt)

    nonces = runs[0].sent
    assert None not in nonces.values()
    assert len(set(nonces.values())) == len(nonces)
    assert all(run.sent == nonces for run in runs)


async def test_a_handler_that_skips_a_channel_repeats_nothing_in_the_others() -> None:
    """Sends are counted by channel."""

    async def both(run: Run) -> None:
        run.send("here")
        run.send("there", THERE)

    async def one(run: Run) -> None:
        run.send("there", THERE)

    first, second = Run(), Run()
    await first.handle(both)
    await second.handle(one)

    assert second.sent["there"] == first.sent["there"]


async def test_another_event_gets_other_nonces() -> None:
    """Equal handlers, other messages."""
    run = Run()
    await run.handle(plain, sequence=7)
    first, run.sent = run.sent, {}
    await run.handle(plain, sequence=8)

    assert set(first.values()).isdisjoint(run.sent.values())


async def test_outside_of_events_nothing_is_derived() -> None:
    """Neither in a task without an event, nor without a task of ours."""
    run = Run()

    async def task() -> None:
        run.send("in a task")

    async with TaskManager() as tasks:
        tasks.add_observer(run.nonces)
        await tasks.create_task(task(), name="no-event")
    run.send("elsewhere")

    assert set(run.sent.values()) == {None}


async def test_what_a_timer_starts_never_gets_the_nonce_of_another_message() -> None:
    """It comes when its event is long over: none at all, or one of its own."""
    loop, late = asyncio.get_running_loop(), asyncio.Event()
    run = Run()

    async def afterwards() -> None:
        run.send("late")
        late.set()

    async def handler(run: Run) -> None:
        run.send("at once")
        loop.call_later(0.01, lambda: loop.create_task(afterwards()))

    async def other_event(run: Run) -> None:
        run.send("of another event")
        await late.wait()

    await run.handle(handler, sequence=7)
    await run.handle(other_event, sequence=8)

    assert run.sent["late"] is None
    assert run.sent["at once"] != run.sent["of another event"]


async def test_a_task_that_takes_up_another_event_derives_nothing_from_the_first() -> None:
    """Its place is one in the event that started it."""

    async def changing(run: Run) -> None:
        other = GatewayEvent(shard_id=0, sequence=9, name="X", received_at_s=9.0, session_id="s")
        token = current_event.set(other)
        run.send("of the other")
        current_event.reset(token)
        run.send("of its own")

    run = Run()
    await run.handle(changing)

    assert run.sent["of the other"] is None
    assert run.sent["of its own"] is not None


async def test_nothing_is_kept_of_tasks_that_ended() -> None:
    """A bot runs for months."""
    run = Run()
    for sequence in range(50):
        run.sent.clear()
        await run.handle(plain, nested, sequence=sequence)
    gc.collect()

    assert run.nonces._branches == {}
