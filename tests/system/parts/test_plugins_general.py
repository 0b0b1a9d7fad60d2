"""The general plugin, asked by simulated people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.client import Novera, build
from tests.integration.serving import Served, serving, until


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served[Novera]]:
    """Answer our own bot with its plugins, ready in the simulator and its commands registered."""
    async with serving(build, tmp_path, monkeypatch) as running:
        await until(lambda: (tmp_path / "commands.hash").exists())
        yield running


def text_of(message: dict[str, Any]) -> str:
    """Answer all words of a message, its embeds included."""
    words = [message["content"]]
    for embed in message["embeds"]:
        words += [embed.get("title", ""), embed.get("description", "")]
        words += [f"{field['name']}\n{field['value']}" for field in embed.get("fields", [])]
        words.append(embed.get("footer", {}).get("text", ""))
    return "\n".join(words)


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        pytest.param("!ping hello", "pong hello", id="word"),
        pytest.param("!ping two words", "pong two words", id="words"),
        pytest.param("! ping hello", "pong hello", id="space-after-prefix"),
        pytest.param("!PING hello", "pong hello", id="capitals"),
        pytest.param('!ping "quoted', 'pong "quoted', id="quotation-mark"),
        pytest.param("!ping @everyone", "pong @everyone", id="mention-as-text"),
    ],
)
async def test_ping_sends_the_text_back(served: Served[Novera], said: str, answered: str) -> None:
    """``!ping TEXT`` answers exactly ``pong TEXT``."""
    shown = await served.driver.say(said, wait_s=10)

    assert shown["reply"]["content"] == answered


async def test_ping_rings_nobody(served: Served[Novera]) -> None:
    """A mention in the text is sent back as text: none is allowed to notify."""
    shown = await served.driver.say("!ping @everyone", wait_s=10)
    message = served.simulator.world.message(int(shown["reply"]["id"]))

    assert not message.allowed_mentions.everyone
    assert message.allowed_mentions.users == frozenset()


async def test_a_ping_that_is_too_long_is_cut(served: Served[Novera]) -> None:
    """An option of a slash command may be longer than a message."""
    shown = await served.driver.slash("ping", options={"text": "x" * 3000}, wait_s=10)

    assert len(shown["response"]["content"]) == 2000


@pytest.mark.parametrize(
    ("options", "start"),
    [
        pytest.param({}, "pong", id="latency"),
        pytest.param({"text": "hello"}, "pong hello", id="text"),
    ],
)
async def test_ping_is_a_slash_command_too(
    served: Served[Novera], options: dict[str, str], start: str
) -> None:
    """``/ping`` does what ``!ping`` does."""
    shown = await served.driver.slash("ping", options=options, wait_s=10)

    assert shown["response"]["content"].startswith(start)


async def test_ping_without_text_tells_the_latency(served: Served[Novera]) -> None:
    """It is there as soon as the gateway has acknowledged a heartbeat."""
    await until(lambda: served.client.latency == served.client.latency)
    shown = await served.driver.say("!ping", wait_s=10)

    assert shown["reply"]["content"].startswith("pong")


async def test_help_shows_what_the_user_may_use(served: Served[Novera]) -> None:
    """Alice sees the general commands and none of the owner's."""
    shown = await served.driver.say("!help", wait_s=10)
    text = text_of(shown["reply"])

    assert "`about` `help` `ping` `status`" in text
    assert "shutdown" not in text


async def test_help_shows_the_owner_everything(served: Served[Novera]) -> None:
    """The owner sees the admin commands as well."""
    shown = await served.driver.say("!help", user="owner", wait_s=10)

    assert "`shutdown`" in text_of(shown["reply"])


async def test_help_is_a_slash_command_too(served: Served[Novera]) -> None:
    """``/help`` hides the same commands."""
    shown = await served.driver.slash("help", wait_s=10)
    text = text_of(shown["response"])

    assert "`ping`" in text
    assert "shutdown" not in text


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param("!help ping", "!ping [text]", id="known"),
        pytest.param("!help !ping", "!ping [text]", id="with-prefix"),
        pytest.param("!help /ping", "/ping [text:]", id="with-slash"),
        pytest.param("!help pnig", "!ping [text]", id="misspelt"),
        pytest.param("!help connection", "There is no such command", id="no-word-of-it"),
        pytest.param("!help lack", "!status", id="word-of-the-description"),
        pytest.param("!help general", "!about", id="plugin"),
        pytest.param("!help nothing", "There is no such command", id="unknown"),
        pytest.param("!help shutdown", "There is no such command", id="not-for-alice"),
    ],
)
async def test_help_explains_one_command(served: Served[Novera], asked: str, told: str) -> None:
    """A command that the user may not use is as good as none."""
    shown = await served.driver.say(asked, wait_s=10)

    assert told in text_of(shown["reply"])


async def test_help_completes_names(served: Served[Novera]) -> None:
    """Typing offers the commands that the user may use."""
    shown = await served.driver.autocomplete("help", "query", "pi", wait_s=10)

    assert [choice["value"] for choice in shown["choices"]] == ["ping"]


async def test_help_turns_its_pages(served: Served[Novera]) -> None:
    """A plugin is chosen from the menu and turned like a book, by the reader alone."""
    for number in range(120):

        async def more(ctx: Any) -> None: ...

        served.client.command(name=f"more{number}", description="x" * 90)(more)
    said = await served.driver.say("!help", user="owner", wait_s=10)
    menu = said["reply"]["id"]
    await served.driver.select(menu, values=["3"], user="owner", wait_s=10)  # Other
    chosen = await served.driver.message(menu)
    await served.driver.click(menu, label="Next", user="owner", wait_s=10)
    turned = await served.driver.message(menu)
    refused = await served.driver.click(menu, label="Back", user="bob", wait_s=10)

    assert "!more0" in text_of(chosen)
    assert turned["embeds"][0]["footer"]["text"].startswith("2/")
    assert refused["response"]["ephemeral"]


async def test_status_tells_the_health_of_bot_and_tasks(served: Served[Novera]) -> None:
    """By text and by slash command: tasks by name, commands, plugins."""
    said = await served.driver.say("!status", wait_s=10)
    shown = await served.driver.slash("status", wait_s=10)

    for text in (text_of(said["reply"]), text_of(shown["response"])):
        assert "`gateway` 1" in text
        assert "2 loaded" in text
        assert "1/3" in text


async def test_about_tells_what_it_is_made_of(served: Served[Novera]) -> None:
    """The library is named with its version."""
    said = await served.driver.say("!about", wait_s=10)

    assert f"discord.py {discord.__version__}" in text_of(said["reply"])
