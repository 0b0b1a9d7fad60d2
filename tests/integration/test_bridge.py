"""The bridge between real threads and a real loop."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import signal
import threading
import time
from types import FrameType

from structlog.testing import capture_logs

from bot.tasks.bridge import Bridge, BridgeClosedError, BridgeFullError
from bot.tasks.manager import TaskManager

THREADS, EVENTS = 8, 2000


async def test_events_of_many_threads_arrive_all_and_in_the_order_of_each() -> None:
    """Publishers that find the bridge full try again; none is lost, none comes twice."""
    got: list[tuple[int, int]] = []

    def publish(thread: int) -> None:
        for number in range(EVENTS):
            while True:
                try:
                    bridge.publish((thread, number))
                    break
                except BridgeFullError:
                    time.sleep(0.001)

    async with Bridge(tasks=TaskManager(), size=500) as bridge:
        bridge.subscribe(lambda event: got.append(event))
        async with asyncio.TaskGroup() as group:
            for thread in range(THREADS):
                group.create_task(asyncio.to_thread(publish, thread))

    of_each = collections.defaultdict(list)
    for thread, number in got:
        of_each[thread].append(number)
    assert dict(of_each) == {thread: list(range(EVENTS)) for thread in range(THREADS)}


async def test_the_bound_holds_against_all_threads_at_once() -> None:
    """Exactly so many events are taken while the loop does not get to them."""
    taken = collections.Counter[bool]()
    barrier = threading.Barrier(THREADS)

    def publish() -> None:
        barrier.wait(timeout=10)
        for number in range(100):
            try:
                bridge.publish(number)
                taken[True] += 1
            except BridgeFullError:
                taken[False] += 1

    async with Bridge(tasks=TaskManager(), size=300) as bridge:
        threads = [threading.Thread(target=publish) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()  # on purpose: the loop does not turn meanwhile, and nobody waits for it
        waiting = bridge.statistics().waiting
        bridge.subscribe(lambda event: None)

    assert waiting == 300
    assert bridge.statistics().delivered == 300


async def test_publishing_while_it_closes_either_arrives_or_raises() -> None:
    """No event is taken and then forgotten."""
    for _ in range(20):
        got: list[int] = []
        accepted: list[int] = []
        stop = threading.Event()

        def publish(
            bridge: Bridge, accepted: list[int] = accepted, stop: threading.Event = stop
        ) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    bridge.publish(number)
                except BridgeClosedError:
                    return
                except BridgeFullError:
                    continue
                accepted.append(number)

        async with Bridge(tasks=TaskManager(), size=50) as bridge:
            bridge.subscribe(got.append)
            thread = threading.Thread(target=publish, args=(bridge,))
            thread.start()
            await asyncio.sleep(0.005)
        stop.set()
        thread.join()

        assert got == accepted


async def test_a_signal_handler_may_publish_in_the_middle_of_a_publish() -> None:
    """No lock is held that the same thread would wait for."""
    got: list[object] = []
    handled = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal handled
        handled += 1
        with contextlib.suppress(BridgeFullError):
            bridge.publish("signal")

    before = signal.signal(signal.SIGALRM, handle)
    try:
        async with Bridge(tasks=TaskManager(), size=100_000) as bridge:
            bridge.subscribe(got.append)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            for number in range(20_000):
                bridge.publish(number)
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert len(got) == 20_000 + handled
    assert [event for event in got if event != "signal"] == list(range(20_000))


async def test_a_loop_that_is_gone_is_told_to_the_publisher() -> None:
    """A bridge whose loop was closed around it raises instead of keeping events."""
    bridge = Bridge(tasks=TaskManager())
    with capture_logs():
        await asyncio.to_thread(_enter_and_leave_the_loop, bridge)

    try:
        bridge.publish("event")
    except BridgeClosedError as error:
        raised: BaseException | None = error
    else:
        raised = None
    assert isinstance(raised, BridgeClosedError)


def _enter_and_leave_the_loop(bridge: Bridge) -> None:
    async def enter() -> None:
        await bridge.__aenter__()
        await asyncio.sleep(0)

    with asyncio.Runner() as runner:
        runner.run(enter())
