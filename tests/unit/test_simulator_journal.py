"""Bounded logs, and waiting for what happens."""

from __future__ import annotations

import asyncio

from simulator.journal import Log, Waiters


def test_a_log_keeps_its_newest_and_counts_all() -> None:
    """Indices go on when entries are forgotten."""
    log = Log(3)
    for number in range(5):
        log.add(number=number)

    assert [entry["number"] for entry in log.after(0)] == [2, 3, 4]
    assert [entry["number"] for entry in log.after(4)] == [4]
    assert log.after(5) == []
    assert log.last_index == 5


async def test_a_waiter_gets_what_is_there_already() -> None:
    """No waiting for what has happened."""
    assert await Waiters().until("topic", lambda: 1, timeout_s=5) == 1


async def test_a_waiter_is_woken_by_its_topic_alone() -> None:
    """Other topics do not even ask."""
    waiters, asked, value = Waiters(), [], [0]

    def probe() -> int | None:
        asked.append(value[0])
        return value[0] or None

    waiting = asyncio.create_task(waiters.until("mine", probe, timeout_s=5))
    await asyncio.sleep(0)
    waiters.ring("other")
    value[0] = 7
    waiters.ring("mine")

    assert await waiting == 7
    assert asked == [0, 7]


async def test_waiting_ends_with_none_when_time_is_over_or_the_end_comes() -> None:
    """Neither is an error, and nothing of the waiter stays."""
    waiters = Waiters()

    def never() -> int | None:
        return None

    late = await waiters.until("topic", never, timeout_s=0.01)
    waiting = asyncio.create_task(waiters.until("topic", never, timeout_s=60))
    await asyncio.sleep(0)
    waiters.close()

    assert (late, await waiting) == (None, None)
    assert waiters._waiting == {}
