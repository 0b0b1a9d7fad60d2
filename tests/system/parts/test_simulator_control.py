"""The control API over HTTP, and the synchronous client that tests use from elsewhere."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import discord
import pytest
from discord.ext import commands

from simulator.control import ControlClient
from simulator.errors import ControlError
from simulator.server import Simulator
from simulator.testing import running

Answer = TypeVar("Answer")


def _echo() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all(), guild_ready_timeout=0.1)

    @bot.command()
    async def ping(ctx: commands.Context[commands.Bot], *, text: str = "") -> None:
        await ctx.send(f"pong {text}".strip())

    @bot.tree.command()
    async def greet(interaction: discord.Interaction, name: str) -> None:
        await interaction.response.send_message(f"hi {name}")

    async def setup() -> None:
        await bot.tree.sync()

    bot.setup_hook = setup  # type: ignore[method-assign]
    return bot


async def _drive(simulator: Simulator, work: Callable[[ControlClient], Answer]) -> Answer:
    """Do blocking *work* with a client in a thread, as a test of another process does."""

    def run() -> Answer:
        with ControlClient(simulator.addresses["url"]) as client:
            return work(client)

    return await asyncio.to_thread(run)


async def test_a_client_talks_with_the_bot(simulator: Simulator) -> None:
    """Saying, asking, running a command, waiting and reading back."""

    def work(client: ControlClient) -> list[Any]:
        client.wait_for_gateway("ready")
        said = client.say("!ping 1")
        reply = client.wait_for_message(after=said["id"])
        command = client.slash("greet", options={"name": "Ada"}, wait_s=5)
        return [
            reply["content"],
            client.ask("!ping 2"),
            command["response"]["content"],
            client.wait_for_interaction(command["id"])["kind"],
            [each["content"] for each in client.messages(limit=2)],
            [each["name"] for each in client.commands()],
            client.wait_for_rest(method="PUT", path="/applications/*")["status"],
        ]

    async with running(_echo(), simulator):
        seen = await _drive(simulator, work)

    assert seen == ["pong 1", "pong 2", "hi Ada", "message", ["!ping 2", "pong 2"], ["greet"], 200]


async def test_waiting_in_vain_is_a_timeout(simulator: Simulator) -> None:
    """The client raises TimeoutError, the connection stays good."""

    def work(client: ControlClient) -> dict[str, Any]:
        with pytest.raises(TimeoutError):
            client.wait_for_message(timeout_s=0.1)
        with pytest.raises(TimeoutError):
            client.wait_for_gateway("resumed", timeout_s=0.1)
        with pytest.raises(TimeoutError):
            client.ask("anybody?", timeout_s=0.1)
        return client.stats()

    stats = await _drive(simulator, work)

    assert stats["gateway"]["connect"] == 0


async def test_the_client_reaches_a_simulator_whose_ports_are_closed(
    simulator: Simulator,
) -> None:
    """No fault closes the control port."""

    def work(client: ControlClient) -> list[str]:
        client.fault("refuse", scope="all")
        cleared: list[str] = client.clear_faults()["cleared"]
        return cleared

    assert await _drive(simulator, work) == ["refuse"]


async def test_times_are_on_the_clock_of_this_machine(simulator: Simulator) -> None:
    """`at_s` can be compared with time.monotonic() of another process."""
    before_s = time.monotonic()
    said = await _drive(simulator, lambda client: client.say("now"))

    assert before_s <= said["at_s"] <= time.monotonic()


async def test_a_client_that_finds_nobody_says_so() -> None:
    """wait_until_up gives up in time."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        client = ControlClient(f"http://127.0.0.1:{held.getsockname()[1]}")
        with pytest.raises(TimeoutError, match="does not answer"):
            await asyncio.to_thread(client.wait_until_up, 0.1)


@pytest.mark.parametrize(
    ("verb", "body", "said"),
    [
        pytest.param("say", {"content": 1}, "content: Input should be a valid string", id="type"),
        pytest.param("say", {}, "content: Missing required argument", id="missing"),
        pytest.param("say", {"content": "x", "usr": "a"}, "usr: Unexpected keyword", id="unknown"),
        pytest.param("say", {"content": "x", "user": "eve"}, "no single user", id="no user"),
        pytest.param("say", {"content": "x", "channel": "?"}, "no single channel", id="no channel"),
        pytest.param("say", {"content": ""}, "Invalid Form Body", id="empty message"),
        pytest.param("say", {"content": "x" * 2001}, "Invalid Form Body", id="long message"),
        pytest.param("slash", {"command": "none"}, "No application command", id="no command"),
        pytest.param("click", {"message": "1"}, "no single message", id="no message"),
        pytest.param("click", {"message": "x"}, "message must be an id", id="no id"),
        pytest.param(
            "submit_modal", {"interaction": "1", "values": {}}, "no interaction", id="mod"
        ),
        pytest.param("fault", {"name": "x"}, "no fault is named", id="no fault"),
        pytest.param("add_role", {"name": "r", "permissions": ["fly"]}, "permission 'fly'", id="p"),
        pytest.param("portal", {"intents": ["x"]}, "not one of", id="no intent"),
        pytest.param("advance_clock", {"seconds": -1}, "seconds must be", id="backwards"),
        pytest.param("messages", {"after": "x"}, "after must be an id", id="after is no id"),
        pytest.param("session_start_limit", {"remaining": -1}, "must be in 0..", id="negative"),
    ],
)
async def test_wrong_input_is_400_and_says_what_is_wrong(
    simulator: Simulator,
    session: aiohttp.ClientSession,
    verb: str,
    body: dict[str, Any],
    said: str,
) -> None:
    """Whoever writes a test reads the reason, not a stack."""
    async with session.post(f"{simulator.control_url}/{verb}", json=body) as response:
        answer = await response.json()

    assert response.status == 400
    assert said in answer["error"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"{not json", 400, id="no json"),
        pytest.param(b"[1, 2]", 400, id="no object"),
        pytest.param(b"\xff\xfe", 400, id="no utf-8"),
    ],
)
async def test_a_body_that_is_no_object_is_400(
    simulator: Simulator, session: aiohttp.ClientSession, raw: bytes, status: int
) -> None:
    """Garbage is refused before any verb sees it."""
    async with session.post(f"{simulator.control_url}/say", data=raw) as response:
        answer = await response.json()

    assert (response.status, set(answer)) == (status, {"error"})


async def test_verbs_that_only_read_answer_to_get(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """curl is enough to look; changing takes a POST."""
    async with session.get(f"{simulator.control_url}/messages?channel=quiet&limit=5") as response:
        read = (response.status, await response.json())
    async with session.get(f"{simulator.control_url}/say?content=x") as response:
        changed = response.status
    async with session.post(f"{simulator.control_url}/fly") as response:
        unknown = response.status

    assert (read, changed, unknown) == ((200, []), 400, 404)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="another host name"),
        pytest.param({"Origin": "https://evil.example"}, id="another origin"),
    ],
)
async def test_web_pages_of_others_cannot_drive_the_simulator(
    simulator: Simulator, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """Neither DNS rebinding nor a foreign page gets through."""
    async with session.post(
        f"{simulator.control_url}/say", data=json.dumps({"content": "x"}), headers=headers
    ) as response:
        refused = response.status

    assert refused == 403
    assert await simulator.driver.messages() == []


async def test_the_index_lists_every_verb_with_its_parameters(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """The API explains itself."""
    async with session.get(simulator.control_url) as response:
        index = await response.json()

    assert index["api_url"] == simulator.api_url
    assert all(verb["summary"] for verb in index["verbs"].values())
    assert "content: str" in index["verbs"]["say"]["parameters"][0]


async def test_the_simulator_never_leaves_loopback() -> None:
    """Any other address is refused before a socket is opened."""
    with pytest.raises(ValueError, match="loopback only"):
        Simulator(host="0.0.0.0")


async def test_a_port_in_use_is_an_error_and_leaves_nothing_behind(simulator: Simulator) -> None:
    """The second simulator says so and closes what it opened."""
    port = int(simulator.addresses["url"].rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with Simulator(port=port):
            raise AssertionError("two on one port")


async def test_an_end_lets_everybody_go_who_waits() -> None:
    """Stopping takes no longer because of waiters, and no task stays."""
    before = asyncio.all_tasks()
    began_s = time.monotonic()
    async with Simulator() as simulator, aiohttp.ClientSession() as session:
        url = f"{simulator.control_url}/wait_for_gateway"
        waiting = asyncio.create_task(session.post(url, json={"event": "ready", "timeout_s": 30}))
        await session.ws_connect(simulator.gateway_url)
        await simulator.driver.wait_for_gateway("connect")
        await simulator.__aexit__(None, None, None)
        await asyncio.wait({waiting}, timeout=5)
        assert waiting.done()
        if waiting.exception() is None:
            waiting.result().close()
        await session.close()
    await asyncio.sleep(0)

    assert time.monotonic() - began_s < 5
    assert asyncio.all_tasks() == before


async def test_a_control_error_names_verb_and_status(simulator: Simulator) -> None:
    """The client's exception carries facts."""
    with pytest.raises(ControlError) as raised:
        await _drive(simulator, lambda client: client.click("1"))

    assert (raised.value.verb, raised.value.status) == ("click", 400)
