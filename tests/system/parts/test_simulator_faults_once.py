"""Faults of the simulator's gateway that happen once."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from simulator.server import Simulator
from tests.integration.simulator_wire import Dialer


@pytest.mark.parametrize(
    ("name", "parameters", "op", "data"),
    [
        pytest.param("reconnect", {}, 7, None, id="op 7"),
        pytest.param("invalid_session", {"resumable": True}, 9, True, id="op 9 true"),
        pytest.param("invalid_session", {"resumable": False}, 9, False, id="op 9 false"),
        pytest.param("ask_heartbeat", {}, 1, None, id="op 1"),
        pytest.param("unknown_op", {}, 99, {"new": True}, id="unknown op"),
    ],
)
async def test_an_opcode_can_be_sent_at_any_time(
    simulator: Simulator,
    dialer: Dialer,
    name: str,
    parameters: dict[str, Any],
    op: int,
    data: Any,
) -> None:
    """Op 9 false also ends the session, as it does in reality."""
    wire = await dialer.dial()
    await wire.start()
    await wire.until("GUILD_CREATE")
    struck = await simulator.driver.fault(name, parameters)
    answer = await wire.next()
    sessions = (await simulator.driver.stats())["sessions"]

    assert (answer["op"], answer["d"], struck["struck"]) == (op, data, 1)
    assert len(sessions) == (0 if (op, data) == (9, False) else 1)


async def test_strange_events_are_numbered_like_others(
    simulator: Simulator, dialer: Dialer
) -> None:
    """Malformed, unknown and huge events have sequence numbers and are replayed."""
    wire = await dialer.dial()
    await wire.start()
    await wire.until("GUILD_CREATE")
    await simulator.driver.fault("malformed_event", {"event": "GUILD_MEMBER_ADD"})
    await simulator.driver.fault("unknown_event")
    await simulator.driver.fault("huge_event", {"size_bytes": 2_000_000})
    received = [await wire.next() for _ in range(3)]

    assert [(each["t"], each["s"]) for each in received] == [
        ("GUILD_MEMBER_ADD", 3),
        ("SOMETHING_NEW_CREATE", 4),
        ("SOMETHING_HUGE_CREATE", 5),
    ]
    assert received[0]["d"] == {}
    assert len(received[2]["d"]["blob"]) == 2_000_000


async def test_what_is_not_json_comes_through_the_same_compression(
    simulator: Simulator, dialer: Dialer
) -> None:
    """Only the JSON is broken, not the stream around it."""
    wire = await dialer.dial(compress=True)
    await wire.start()
    await wire.until("GUILD_CREATE")
    await simulator.driver.fault("not_json")
    with pytest.raises(json.JSONDecodeError):
        await wire.next()
    await simulator.driver.say("after it")

    assert (await wire.next())["t"] == "MESSAGE_CREATE"


async def test_bad_zlib_cannot_be_inflated(simulator: Simulator, dialer: Dialer) -> None:
    """The bytes end as a payload does, and are none."""
    wire = await dialer.dial(compress=True)
    await wire.start()
    await wire.until("GUILD_CREATE")
    await simulator.driver.fault("bad_zlib")

    with pytest.raises(zlib.error):
        await wire.next()


async def test_a_guild_outage_takes_guilds_away_and_brings_them_back(
    simulator: Simulator, dialer: Dialer
) -> None:
    """GUILD_DELETE with unavailable, then GUILD_CREATE again."""
    wire = await dialer.dial()
    await wire.start()
    await wire.until("GUILD_CREATE")
    await simulator.driver.fault("guild_outage", {"for_s": 0.1})
    gone, back = await wire.next(), await wire.next()

    assert (gone["t"], gone["d"]["unavailable"]) == ("GUILD_DELETE", True)
    assert (back["t"], back["d"]["unavailable"]) == ("GUILD_CREATE", False)
