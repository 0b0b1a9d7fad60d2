"""The chat page and the command line of the simulator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import aiohttp
import discord
import pytest
from discord.ext import commands

from simulator.control import ControlClient
from simulator.server import Simulator
from simulator.testing import running


async def test_the_page_shows_a_channel_and_escapes_what_is_in_it(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """A message can hold markup; the page cannot."""
    await simulator.driver.say("<script>alert('x')</script>")
    async with session.get(simulator.addresses["url"] + "/") as response:
        text = await response.text()

    assert response.status == 200
    assert "&lt;script&gt;alert(&#x27;x&#x27;)" in text
    assert "<script>alert" not in text
    assert "Novera is offline" in text
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("?channel=quiet&user=bob", 200, id="another channel and user"),
        pytest.param("?channel=%3Cscript%3E", 404, id="no such channel"),
        pytest.param("?user=eve", 404, id="no such user"),
    ],
)
async def test_the_address_chooses_channel_and_user(
    simulator: Simulator, session: aiohttp.ClientSession, query: str, status: int
) -> None:
    """What does not exist is 404, as text that no browser takes for markup."""
    async with session.get(simulator.addresses["url"] + "/" + query) as response:
        got = response.status
        kind = response.content_type

    assert got == status
    assert kind == ("text/html" if status == 200 else "text/plain")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("chat.css", "text/css"), ("chat.js", "text/javascript"), ("../page.py", None)],
)
async def test_its_files_are_served_and_no_others(
    simulator: Simulator, session: aiohttp.ClientSession, name: str, kind: str | None
) -> None:
    """Two files, by name."""
    async with session.get(f"{simulator.addresses['url']}/static/{name}") as response:
        found = response.content_type if response.status == 200 else None

    assert found == kind


async def test_an_ephemeral_answer_is_seen_by_its_user_only(simulator: Simulator) -> None:
    """The page of somebody else does not get it."""
    bot = commands.Bot("!", intents=discord.Intents.all(), guild_ready_timeout=0.1)

    @bot.tree.command()
    async def secret(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("for you", ephemeral=True)

    async with running(bot, simulator):
        await bot.tree.sync()
        await simulator.driver.slash("secret", user="alice", wait_s=5)
        alice = await simulator.driver.wait_for_change(user="alice")
        bob = await simulator.driver.wait_for_change(user="bob")

    assert [each["content"] for each in alice["messages"]] == ["for you"]
    assert bob["messages"] == []
    assert alice["online"]


async def test_a_change_wakes_the_page(simulator: Simulator) -> None:
    """The page waits for the version it has to pass."""
    seen = await simulator.driver.wait_for_change()
    waiting = asyncio.create_task(
        simulator.driver.wait_for_change(version=seen["version"], timeout_s=10)
    )
    await asyncio.sleep(0)
    await simulator.driver.say("hello")
    changed = await waiting

    assert [each["content"] for each in changed["messages"]] == ["hello"]


def test_the_command_line_serves_and_says() -> None:
    """One line of JSON, then a served Discord; `say` prints the answer or why there is none."""
    command = [sys.executable, "-m", "simulator"]
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            addresses = json.loads(server.stdout.readline())
            with ControlClient(addresses["url"]) as client:
                client.wait_until_up()
                stats = client.stats()
            said = subprocess.run(
                [*command, "say", "!ping", "--url", addresses["url"], "--timeout-s", "0.2"],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            server.terminate()
        code = server.wait(timeout=10)

    assert set(addresses) == {"url", "api_url", "gateway_url", "control_url"}
    assert stats["gateway"]["connect"] == 0
    assert (said.returncode, said.stdout) == (1, "")
    assert "no answer within 0.2 s" in said.stderr
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--host", "0.0.0.0"], 2, "loopback only", id="not loopback"),
        pytest.param(["--port", "70000"], 2, "port must be in", id="no port"),
        pytest.param(
            ["say", "x", "--url", "http://127.0.0.1:9"], 2, "no simulator at", id="nobody"
        ),
        pytest.param(["say", "x", "--url", "nonsense"], 2, "not an address", id="no address"),
    ],
)
def test_the_command_line_explains_what_is_wrong(
    arguments: list[str], code: int, said: str
) -> None:
    """A readable line and an exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == code
    assert said in done.stderr
