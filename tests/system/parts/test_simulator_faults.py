"""Standing faults of the simulator's gateway, and faults seen by discord.py itself."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import discord
import pytest

from simulator import faults
from simulator.errors import RefusedError
from simulator.instant import INSTANT
from simulator.server import Simulator
from simulator.testing import running
from tests.integration.simulator_wire import TOKEN, Dialer, Wire


def test_every_instant_fault_of_the_table_can_be_caused() -> None:
    """The table and the actions name the same faults."""
    instant = {name for name, fault in faults.FAULTS.items() if not fault.standing}

    assert instant == set(INSTANT)


async def test_a_silent_gateway_accepts_and_says_nothing(
    simulator: Simulator, dialer: Dialer
) -> None:
    """TCP and WebSocket stand, HELLO waits until the fault is cleared."""
    await simulator.driver.fault("silent_gateway")
    wire = await dialer.dial(hello=False)
    with pytest.raises(TimeoutError):
        await wire.socket.receive(timeout=0.3)
    await simulator.driver.clear_fault("silent_gateway")

    assert (await wire.next())["op"] == 10


async def test_a_fault_for_existing_connections_leaves_new_ones_alone(
    simulator: Simulator, dialer: Dialer
) -> None:
    """`connections` chooses between those that were there and those that come."""
    old = await dialer.dial()
    await simulator.driver.fault("no_acks", {"connections": "existing"})
    new = await dialer.dial()
    await old.send(1, None)
    await new.send(1, None)

    assert (await new.next())["op"] == 11
    with pytest.raises(TimeoutError):
        await old.socket.receive(timeout=0.2)


async def test_without_acks_events_go_on(simulator: Simulator, dialer: Dialer) -> None:
    """The traffic that hides a dead connection from discord.py."""
    await simulator.driver.fault("no_acks")
    wire = await dialer.dial()
    await wire.start()
    await wire.until("GUILD_CREATE")
    await wire.send(1, 2)
    await simulator.driver.say("still here")

    assert (await wire.next())["t"] == "MESSAGE_CREATE"


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        pytest.param("close_after_hello", {}, 1001, id="after hello"),
        pytest.param("close_after_hello", {"code": 4000}, 4000, id="after hello with a code"),
        pytest.param("close_after_identify", {"code": 4008}, 4008, id="after identify"),
        pytest.param("missing_intent", {}, 4014, id="missing intent"),
        pytest.param("wrong_token", {}, 4004, id="wrong token"),
    ],
)
async def test_a_connection_is_closed_where_the_fault_says(
    simulator: Simulator,
    dialer: Dialer,
    name: str,
    parameters: dict[str, Any],
    expected: int,
) -> None:
    """Standing faults that end a connection, each with its code."""
    await simulator.driver.fault(name, parameters)
    wire = await dialer.dial()
    await wire.identify()

    assert await wire.closed() == expected


@pytest.mark.parametrize("code", [1000, 1001, *range(4000, 4006), *range(4007, 4015), 4999])
async def test_every_close_code_can_be_caused(
    simulator: Simulator, dialer: Dialer, code: int
) -> None:
    """`close` takes any code; the session lives on where Discord's table says so."""
    wire = await dialer.dial()
    await wire.start()
    await simulator.driver.fault("close", {"code": code})
    closed = await wire.closed()
    await simulator.driver.wait_for_gateway("disconnect")
    kept = len((await simulator.driver.stats())["sessions"])

    assert closed == code
    assert kept == (0 if code in (4004, 4007, 4009, *range(4010, 4015)) else 1)


async def test_ready_can_stay_away(simulator: Simulator, dialer: Dialer) -> None:
    """IDENTIFY is taken and counted, and nothing comes."""
    await simulator.driver.fault("no_ready", {"times": 1})
    wire = await dialer.dial()
    await wire.identify()
    with pytest.raises(TimeoutError):
        await wire.socket.receive(timeout=0.3)
    again = await dialer.dial()

    assert (await again.start())["session_id"]


async def _drop(simulator: Simulator, dialer: Dialer) -> tuple[Wire, dict[str, Any]]:
    """Answer a fresh connection past HELLO, and the READY of a session that was dropped."""
    wire = await dialer.dial()
    ready = await wire.start()
    await simulator.driver.fault("drop_tcp")
    await simulator.driver.wait_for_gateway("disconnect")
    return await dialer.dial(), ready


async def test_a_resume_can_stay_unanswered(simulator: Simulator, dialer: Dialer) -> None:
    """RESUME is taken, RESUMED never comes."""
    wire, ready = await _drop(simulator, dialer)
    await simulator.driver.fault("no_resumed")
    await wire.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 1})

    with pytest.raises(TimeoutError):
        await wire.socket.receive(timeout=0.3)


async def test_a_resume_can_be_refused(simulator: Simulator, dialer: Dialer) -> None:
    """Op 9 false for a session that would be good."""
    wire, ready = await _drop(simulator, dialer)
    await simulator.driver.fault("refuse_resume")
    await wire.send(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 1})
    answer = await wire.next()

    assert (answer["op"], answer["d"]) == (9, False)


async def test_the_resume_url_can_be_dead(
    simulator: Simulator, dialer: Dialer, session: aiohttp.ClientSession
) -> None:
    """Connecting to it is refused; the normal gateway goes on."""
    await simulator.driver.fault("dead_resume_url", {"times": 1})
    ready = await (await dialer.dial()).start()
    healthy = await (await dialer.dial()).start()

    with pytest.raises(aiohttp.ClientConnectorError):
        await session.ws_connect(ready["resume_gateway_url"])
    assert healthy["resume_gateway_url"] != ready["resume_gateway_url"]


async def test_guilds_can_come_late(simulator: Simulator, dialer: Dialer) -> None:
    """READY at once, GUILD_CREATE after the delay."""
    await simulator.driver.fault("delayed_guilds", {"delay_s": 0.3})
    wire = await dialer.dial()
    await wire.start()
    began_s = time.monotonic()
    await wire.until("GUILD_CREATE")

    assert time.monotonic() - began_s >= 0.2


async def test_a_slow_gateway_delays_each_payload(simulator: Simulator, dialer: Dialer) -> None:
    """Latency of the wire, as a satellite link has it."""
    await simulator.driver.fault("slow_gateway", {"delay_s": 0.2})
    began_s = time.monotonic()
    await dialer.dial()

    assert time.monotonic() - began_s >= 0.2


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        pytest.param("no_such", {}, "no fault is named", id="unknown fault"),
        pytest.param("close", {"colour": 1}, "has no parameter", id="unknown parameter"),
        pytest.param("close", {"code": 12}, "must be in 1000..4999", id="out of range"),
        pytest.param("close", {"code": "x"}, "must be a int", id="not a number"),
        pytest.param("close", {"code": True}, "must be a int", id="a bool is no number"),
        pytest.param("refuse", {"scope": "mars"}, "must be one of", id="not a choice"),
    ],
)
async def test_a_fault_that_does_not_fit_the_table_is_refused(
    simulator: Simulator, name: str, parameters: dict[str, Any], said: str
) -> None:
    """The text names the fault, the parameter and what is allowed."""
    with pytest.raises(RefusedError, match=said):
        await simulator.driver.fault(name, parameters)


async def test_discord_py_resumes_after_a_drop_and_misses_nothing(simulator: Simulator) -> None:
    """The unmodified client, its own resume, and the message sent meanwhile."""
    seen: asyncio.Queue[str] = asyncio.Queue()

    class Listener(discord.Client):
        async def on_message(self, message: discord.Message) -> None:
            seen.put_nowait(message.content)

    bot = Listener(intents=discord.Intents.all(), guild_ready_timeout=0.1)
    async with running(bot, simulator):
        await simulator.driver.fault("drop_tcp")
        await simulator.driver.say("while away")
        await simulator.driver.wait_for_gateway("resumed", timeout_s=10)
        heard = await seen.get()
        stats = await simulator.driver.stats()

    assert heard == "while away"
    assert (stats["gateway"]["identify"], stats["gateway"]["resumed"]) == (1, 1)


async def test_an_automatically_sharded_client_sees_every_guild_once() -> None:
    """GET /gateway/bot recommends shards, each identifies for itself."""
    async with Simulator(shards=2) as simulator:
        for shard in (0, 1):
            await simulator.driver.add_guild(f"Of shard {shard}", shard=shard, shard_count=2)
        bot = discord.AutoShardedClient(intents=discord.Intents.default(), guild_ready_timeout=0.1)
        async with running(bot, simulator):
            seen = sorted(guild.name for guild in bot.guilds)
            stats = await simulator.driver.stats()

    assert seen == ["Novera Test", "Of shard 0", "Of shard 1"]
    assert stats["gateway"]["identify"] == 2
