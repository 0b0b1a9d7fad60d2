"""The simulator's gateway, asked by a plain WebSocket: beginnings, limits, requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.server import Simulator
from tests.integration.simulator_wire import ALL_INTENTS, TOKEN, Dialer


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(resume_window_s=60.0, buffer_events=50) as running:
        yield running


@pytest.fixture
async def dialer(simulator: Simulator) -> AsyncIterator[Dialer]:
    async with aiohttp.ClientSession() as session:
        yield Dialer(simulator, session)


@pytest.mark.parametrize(
    "compress", [pytest.param(True, id="zlib"), pytest.param(False, id="plain")]
)
async def test_a_session_begins_with_ready_and_then_its_guilds(
    dialer: Dialer, simulator: Simulator, compress: bool
) -> None:
    """READY names the guilds as unavailable, GUILD_CREATE brings each."""
    wire = await dialer.dial(compress=compress)
    ready = await wire.start()
    guild = await wire.next()

    assert ready["guilds"] == [{"id": str(simulator.world.guild.id), "unavailable": True}]
    assert ready["resume_gateway_url"].startswith("ws://127.0.0.1:")
    assert (guild["t"], guild["d"]["name"], guild["s"]) == ("GUILD_CREATE", "Novera Test", 2)
    assert [each["name"] for each in guild["d"]["channels"]] == ["general", "quiet"]


async def test_a_heartbeat_is_acknowledged_before_and_after_identify(dialer: Dialer) -> None:
    """Op 1 is answered with op 11 at any time."""
    wire = await dialer.dial()
    await wire.send(1, None)
    first = await wire.next()
    await wire.start()
    await wire.until("GUILD_CREATE")
    await wire.send(1, 2)
    second = await wire.next()

    assert (first["op"], second["op"]) == (11, 11)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"token": "wrong"}, 4004, id="wrong token"),
        pytest.param({"token": 5}, 4002, id="token is a number"),
        pytest.param({"intents": 1 << 40}, 4013, id="unknown intent"),
        pytest.param({"intents": None}, 4013, id="no intents"),
        pytest.param({"shard": [3, 2]}, 4010, id="shard beyond count"),
        pytest.param({"shard": "first"}, 4010, id="shard is text"),
        pytest.param({"properties": None}, 4002, id="no properties"),
    ],
)
async def test_a_wrong_identify_is_closed_with_the_code_that_says_why(
    dialer: Dialer, changes: dict[str, Any], code: int
) -> None:
    """Each kind of bad IDENTIFY has its close code."""
    wire = await dialer.dial()
    await wire.identify(**changes)

    assert await wire.closed() == code


async def test_an_intent_that_the_portal_refuses_closes_with_4014(
    dialer: Dialer, simulator: Simulator
) -> None:
    """Privileged intents have to be switched on in the portal."""
    await simulator.driver.portal(intents=["members"])
    wire = await dialer.dial()
    await wire.identify()

    assert await wire.closed() == 4014


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param('{"op": 3, "d": {}}', 4003, id="before identify"),
        pytest.param("not json", 4002, id="no json"),
        pytest.param('{"d": 1}', 4002, id="no opcode"),
        pytest.param('{"op": 1, "d": "' + "x" * 5000 + '"}', 4002, id="over 4096 bytes"),
    ],
)
async def test_a_payload_that_is_not_valid_closes_the_connection(
    dialer: Dialer, frame: str, code: int
) -> None:
    """Discord's rules for what a client sends hold here."""
    wire = await dialer.dial()
    await wire.socket.send_str(frame)

    assert await wire.closed() == code


async def test_a_second_identify_closes_with_4005(dialer: Dialer) -> None:
    """A session cannot be begun twice on one connection."""
    wire = await dialer.dial()
    await wire.start()
    await wire.identify()

    assert await wire.closed() == 4005


async def test_an_unknown_opcode_closes_with_4001(dialer: Dialer) -> None:
    """What Discord does not know it does not ignore."""
    wire = await dialer.dial()
    await wire.start()
    await wire.send(77, {})

    assert await wire.closed() == 4001


async def test_an_old_version_of_the_api_closes_with_4012(dialer: Dialer) -> None:
    """Version 6 is long gone."""
    wire = await dialer.dial(version="6")

    assert await wire.closed() == 4012


async def test_more_than_120_payloads_in_a_minute_close_with_4008(dialer: Dialer) -> None:
    """The gateway's send limit is kept."""
    wire = await dialer.dial()
    for _ in range(121):
        await wire.send(1, None)

    assert await wire.closed() == 4008


async def test_a_client_that_never_heartbeats_is_closed_with_4009() -> None:
    """The gateway does not keep the dead."""
    async with (
        Simulator(heartbeat_interval_s=0.1) as simulator,
        aiohttp.ClientSession() as session,
    ):
        wire = await Dialer(simulator, session).dial()

        assert await wire.closed() == 4009


async def test_shards_see_their_own_guilds_only(dialer: Dialer, simulator: Simulator) -> None:
    """A guild belongs to shard (id >> 22) % count."""
    for shard in (0, 1):
        await simulator.driver.add_guild(f"Shard {shard}", shard=shard, shard_count=2)
    by_shard = {}
    for shard in (0, 1):
        wire = await dialer.dial()
        ready = await wire.start(shard=[shard, 2])
        by_shard[shard] = {int(each["id"]) for each in ready["guilds"]}

    assert by_shard[0] | by_shard[1] == set(simulator.world.backend.guilds)
    assert all((guild >> 22) % 2 == shard for shard, ids in by_shard.items() for guild in ids)


async def test_without_the_message_content_intent_content_is_hidden(
    dialer: Dialer, simulator: Simulator
) -> None:
    """The gateway censors as Discord does."""
    wire = await dialer.dial()
    await wire.start(intents=ALL_INTENTS & ~(1 << 15))
    await simulator.driver.say("secret")
    message = await wire.until("MESSAGE_CREATE")

    assert message["d"]["content"] == ""


async def test_members_are_sent_in_chunks_with_the_nonce(
    dialer: Dialer, simulator: Simulator
) -> None:
    """REQUEST_GUILD_MEMBERS answers 1000 at a time."""
    guild = await simulator.driver.add_guild("Large", members=1500)
    wire = await dialer.dial()
    await wire.start()
    await wire.send(8, {"guild_id": guild["id"], "query": "", "limit": 0, "nonce": "n1"})
    chunks = [(await wire.until("GUILD_MEMBERS_CHUNK"))["d"] for _ in range(2)]

    assert [len(each["members"]) for each in chunks] == [1000, 504]
    assert [(each["chunk_index"], each["chunk_count"], each["nonce"]) for each in chunks] == [
        (0, 2, "n1"),
        (1, 2, "n1"),
    ]


async def test_presence_is_taken_and_can_be_read_back(dialer: Dialer, simulator: Simulator) -> None:
    """A status the bot sets is seen in its session."""
    wire = await dialer.dial()
    await wire.start()
    await wire.send(3, {"status": "idle", "activities": [], "since": 0, "afk": False})
    told = await simulator.driver.wait_for_gateway("received")
    (session,) = (await simulator.driver.stats())["sessions"]

    assert told is not None
    assert session["presence"]["status"] == "idle"


async def test_identifies_are_counted_and_the_thousand_and_first_resets_the_token(
    dialer: Dialer, simulator: Simulator
) -> None:
    """Past session_start_limit every session ends and the token is worthless."""
    await simulator.driver.session_start_limit(remaining=1)
    first = await dialer.dial()
    await first.start()
    second = await dialer.dial()
    await second.identify()

    assert (await first.closed(), await second.closed()) == (4004, 4004)
    assert simulator.token != TOKEN
    assert (await simulator.driver.stats())["gateway"]["token_resets"] == 1


async def test_an_identify_within_the_interval_is_an_invalid_session(
    dialer: Dialer, simulator: Simulator
) -> None:
    """max_concurrency identifies per interval, the next one gets op 9."""
    await simulator.driver.session_start_limit(interval_s=60)
    first = await dialer.dial()
    await first.start()
    second = await dialer.dial()
    await second.identify()
    answer = await second.next()

    assert (answer["op"], answer["d"]) == (9, False)
