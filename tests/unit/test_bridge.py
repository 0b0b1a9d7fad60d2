"""The bridge into the loop, seen from one thread: order, bounds, faults, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.tasks import bridge as bridge_module
from bot.tasks.bridge import Bridge, BridgeClosedError, BridgeFullError
from bot.tasks.manager import TaskManager
from tests.virtual_time import turns

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    async with Bridge(tasks=TaskManager(), size=10) as bridge:
        yield bridge


class Slow:
    """An async handler that takes its time."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s, self.got = takes_s, list[Any]()

    async def __call__(self, event: object) -> None:
        await asyncio.sleep(self.takes_s)
        self.got.append(event)


async def test_events_arrive_in_the_order_in_which_they_were_published(bridge: Bridge) -> None:
    """At plain handlers and at async ones, however long these take."""
    plain: list[object] = []
    slow = Slow(1.0)
    bridge.subscribe(plain.append)
    bridge.subscribe(slow)
    for number in range(5):
        bridge.publish(number)
    await asyncio.sleep(10)

    assert plain == slow.got == [0, 1, 2, 3, 4]
    assert bridge.statistics().delivered == 5


async def test_a_batch_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events are published before it has its turn."""
    loop, wakes = asyncio.get_running_loop(), list[Any]()
    original = loop.call_soon_threadsafe

    def waking(callback: Callable[..., object], *arguments: Any, **options: Any) -> asyncio.Handle:
        wakes.append(callback)
        return original(callback, *arguments, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", waking)
    got: list[object] = []
    async with Bridge(tasks=TaskManager()) as bridge:
        bridge.subscribe(got.append)
        await turns()
        for number in range(1000):
            bridge.publish(number)
        await turns(100)

    assert len(got) == 1000
    assert len(wakes) == 1


async def test_a_full_bridge_says_so_and_takes_events_again_later(bridge: Bridge) -> None:
    """The publisher never waits; what it could not hand over is its own to keep."""
    got: list[object] = []
    bridge.subscribe(got.append)
    for number in range(10):
        bridge.publish(number)
    with pytest.raises(BridgeFullError, match="full: 10 events wait"):
        bridge.publish(10)
    await turns()
    bridge.publish(11)
    await turns()

    assert got == [*range(10), 11]


async def test_a_handler_that_raises_touches_nobody_else(bridge: Bridge) -> None:
    """The other handlers get the event, and all get the following ones."""
    got: list[object] = []

    def broken(event: object) -> None:
        raise LookupError("mine")

    async def broken_too(event: object) -> None:
        await asyncio.sleep(1)
        raise LookupError("mine as well")

    bridge.subscribe(broken)
    bridge.subscribe(got.append)
    bridge.subscribe(broken_too)
    with capture_logs() as logs:
        bridge.publish("first")
        bridge.publish("second")
        await asyncio.sleep(10)

    failed = [entry for entry in logs if entry["event"] == "bridge.handler_failed"]
    assert got == ["first", "second"]
    assert len(failed) == bridge.statistics().failed == 4
    assert failed[0]["handler"].endswith("broken")
    assert failed[0]["event_type"] == "str"
    assert isinstance(failed[0]["exc_info"], LookupError)
    assert bridge.statistics().delivered == 2


async def test_the_fault_of_the_last_handler_gives_room_back(bridge: Bridge) -> None:
    """A bridge whose only handler fails does not fill up."""

    def broken(event: object) -> None:
        raise LookupError

    bridge.subscribe(broken)
    with capture_logs():
        for _ in range(50):
            bridge.publish("event")
            await turns(10)

    assert bridge.statistics().waiting == 0


async def test_a_handler_that_hangs_is_ended(bridge: Bridge) -> None:
    """One that never answers does not hold those that come after."""
    got: list[object] = []
    bridge.subscribe(Slow(3600))
    bridge.subscribe(got.append)
    with capture_logs() as logs:
        bridge.publish("event")
        await asyncio.sleep(bridge_module.HANDLER_TIMEOUT_S + 1)

    assert got == ["event"]
    assert [entry["error"] for entry in logs if entry["event"] == "bridge.handler_failed"] == [
        "TimeoutError"
    ]


async def test_events_wait_for_the_first_handler(bridge: Bridge) -> None:
    """What comes while the bot still starts is not lost."""
    got: list[object] = []
    bridge.publish("early")
    await turns()
    bridge.subscribe(got.append)
    await turns()

    assert got == ["early"]


async def test_a_handler_can_be_taken_back(bridge: Bridge) -> None:
    """It gets no further event; the others do."""
    first: list[object] = []
    second: list[object] = []
    unsubscribe = bridge.subscribe(first.append)
    bridge.subscribe(second.append)
    bridge.publish(1)
    await turns()
    unsubscribe()
    bridge.publish(2)
    await turns()

    assert (first, second) == ([1], [1, 2])


async def test_a_handler_may_publish(bridge: Bridge) -> None:
    """What it publishes comes after what waits already."""
    got: list[object] = []

    def handle(event: object) -> None:
        got.append(event)
        if event == 1:
            bridge.publish(3)

    bridge.subscribe(handle)
    bridge.publish(1)
    bridge.publish(2)
    await turns()

    assert got == [1, 2, 3]


async def test_many_events_leave_the_loop_its_turns() -> None:
    """Others run in between, however many events wait."""
    got: list[object] = []
    async with Bridge(tasks=TaskManager()) as bridge:
        bridge.subscribe(got.append)
        for number in range(5 * bridge_module.TURN):
            bridge.publish(number)
        seen = []
        for _ in range(40):
            await asyncio.sleep(0)
            seen.append(len(got))

    assert len(set(seen)) >= 5


async def test_at_the_end_what_waits_is_delivered() -> None:
    """In order, to the last one; nothing is taken any more."""
    slow = Slow(0.1)
    async with Bridge(tasks=TaskManager()) as bridge:
        bridge.subscribe(slow)
        for number in range(20):
            bridge.publish(number)
    with pytest.raises(BridgeClosedError):
        bridge.publish(20)

    assert slow.got == list(range(20))
    assert bridge.statistics().lost == 0
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("handler", [pytest.param(True, id="slow"), pytest.param(False, id="none")])
async def test_what_could_not_be_delivered_is_counted_by_kind(handler: bool) -> None:
    """The end has a deadline; the log says how many events of which types are lost."""
    began_s = asyncio.get_running_loop().time()
    with capture_logs() as logs:
        async with Bridge(tasks=TaskManager()) as bridge:
            if handler:
                bridge.subscribe(Slow(3600))
            for event in ("secret", "secret", 3):
                bridge.publish(event)
    took_s = asyncio.get_running_loop().time() - began_s

    (lost,) = [entry for entry in logs if entry["event"] == "bridge.events_lost"]
    assert (lost["count"], lost["kinds"]) == (3, {"str": 2, "int": 1})
    assert bridge.statistics().lost == 3
    assert took_s <= bridge_module.DRAIN_TIMEOUT_S + 0.1
    assert "secret" not in repr(logs)


async def test_what_waits_is_delivered_even_when_others_ended_the_bridge_task() -> None:
    """A shutdown of all tasks does not lose what was published."""
    got: list[object] = []
    async with TaskManager() as manager, Bridge(tasks=manager) as bridge:
        bridge.subscribe(got.append)
        await turns()
        await manager.shutdown(1.0)
        bridge.publish("late")
        await turns()
        assert got == []

    assert got == ["late"]


async def test_a_bridge_that_was_not_entered_is_closed() -> None:
    """It would keep the event for ever."""
    with pytest.raises(BridgeClosedError):
        Bridge(tasks=TaskManager()).publish("event")


async def test_a_bridge_is_used_once(bridge: Bridge) -> None:
    """A second loop would share its events."""
    with pytest.raises(RuntimeError, match="used once"):
        await bridge.__aenter__()


def test_a_bridge_without_room_is_refused() -> None:
    """Nothing could ever be published."""
    with pytest.raises(ValueError, match="size must be 1 or more"):
        Bridge(tasks=TaskManager(), size=0)
