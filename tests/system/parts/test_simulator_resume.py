"""The simulator's sessions: dropped, resumed, taken over, ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.server import Simulator
from tests.integration.simulator_wire import TOKEN, Dialer


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(resume_window_s=60.0, buffer_events=50) as running:
        yield running


@pytest.fixture
async def dialer(simulator: Simulator) -> AsyncIterator[Dialer]:
    async with aiohttp.ClientSession() as session:
        yield Dialer(simulator, session)


async def _dropped_session(dialer: Dialer, simulator: Simulator) -> dict[str, Any]:
    wire = await dialer.dial()
    ready = await wire.start()
    await wire.until("GUILD_CREATE")
    await simulator.driver.fault("drop_tcp")
    await wire.closed()
    await simulator.driver.wait_for_gateway("disconnect")
    return ready


async def test_a_dropped_session_is_resumed_with_what_it_missed(
    dialer: Dialer, simulator: Simulator
) -> None:
    """RESUME replays, in order and with the old numbers, then says RESUMED."""
    ready = await _dropped_session(dialer, simulator)
    for text in ("one", "two"):
        await simulator.driver.say(text)
    wire = await dialer.dial()
    await wire.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 2})
    replayed = [await wire.next() for _ in range(3)]

    assert [(each["t"], each["s"]) for each in replayed] == [
        ("MESSAGE_CREATE", 3),
        ("MESSAGE_CREATE", 4),
        ("RESUMED", 5),
    ]
    assert (await simulator.driver.stats())["session_start_limit"]["remaining"] == 999


async def test_events_older_than_the_buffer_cannot_be_replayed(
    dialer: Dialer, simulator: Simulator
) -> None:
    """A session that missed more than is kept has to begin anew."""
    ready = await _dropped_session(dialer, simulator)
    for number in range(60):
        await simulator.driver.say(str(number))
    wire = await dialer.dial()
    await wire.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 2})
    answer = await wire.next()

    assert (answer["op"], answer["d"]) == (9, False)


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_session_that_its_client_closed_for_good_is_gone(
    dialer: Dialer, simulator: Simulator, code: int
) -> None:
    """1000 and 1001 end a session at once."""
    wire = await dialer.dial()
    ready = await wire.start()
    await wire.socket.close(code=code)
    await simulator.driver.wait_for_gateway("disconnect")
    again = await dialer.dial()
    await again.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 1})
    answer = await again.next()

    assert (answer["op"], answer["d"]) == (9, False)


async def test_a_sequence_from_the_future_closes_with_4007(
    dialer: Dialer, simulator: Simulator
) -> None:
    """A number that was never given out is refused."""
    ready = await _dropped_session(dialer, simulator)
    wire = await dialer.dial()
    await wire.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 999})

    assert await wire.closed() == 4007


async def test_a_resume_without_a_session_is_invalid_and_not_an_error(dialer: Dialer) -> None:
    """discord.py resumes with null after a close before READY."""
    wire = await dialer.dial()
    await wire.send(6, {"token": TOKEN, "session_id": None, "seq": None})
    answer = await wire.next()
    ready = await wire.start()

    assert (answer["op"], answer["d"]) == (9, False)
    assert ready["session_id"]


async def test_a_resume_window_that_is_over_ends_the_session() -> None:
    """Sessions are kept for a while, not for ever."""
    async with Simulator(resume_window_s=0.0) as simulator, aiohttp.ClientSession() as session:
        dialer = Dialer(simulator, session)
        ready = await _dropped_session(dialer, simulator)
        wire = await dialer.dial()
        await wire.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 2})
        answer = await wire.next()

    assert (answer["op"], answer["d"]) == (9, False)


async def test_a_session_can_be_made_to_expire(dialer: Dialer, simulator: Simulator) -> None:
    """As if the window were over now."""
    ready = await _dropped_session(dialer, simulator)
    await simulator.driver.fault("expire_sessions")
    wire = await dialer.dial()
    await wire.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 2})

    assert (await wire.next())["op"] == 9


async def test_a_new_connection_takes_a_session_over_from_one_that_still_stands(
    dialer: Dialer, simulator: Simulator
) -> None:
    """The elder connection is closed and gets no more events."""
    first = await dialer.dial()
    ready = await first.start()
    await first.until("GUILD_CREATE")
    second = await dialer.dial()
    await second.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 2})
    await second.until("RESUMED")
    await simulator.driver.say("for the second")
    message = await second.until("MESSAGE_CREATE")

    assert await first.closed() == 4000
    assert message["d"]["content"] == "for the second"
