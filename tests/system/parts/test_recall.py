"""Two lives of one bot, one after the other, on one state folder: what the second one continues."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import discord
import pytest

from simulator.server import Simulator
from tests.integration.gateway_rig import Echo, rigged

INTENTS = discord.Intents(guilds=True, guild_messages=True, message_content=True)


class ShardedEcho(discord.AutoShardedClient):
    """Says what it heard, on as many shards as Discord recommends; keeps its events' names."""

    def __init__(self) -> None:
        super().__init__(intents=INTENTS)
        self.events: list[str] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Keep the name, then do as discord.py does."""
        self.events.append(event)
        super().dispatch(event, *args, **kwargs)

    async def on_message(self, message: discord.Message) -> None:
        """Answer people."""
        if not message.author.bot:
            await message.channel.send(f"heard {message.content}")


async def answers_to(simulator: Simulator, *texts: str) -> list[int]:
    """Answer how often the bot said that it heard each of *texts*."""
    said = [each["content"] for each in await simulator.driver.messages("general")]
    return [said.count(f"heard {text}") for text in texts]


async def heard(simulator: Simulator, text: str, *, after: Mapping[str, Any]) -> None:
    """Wait until the bot's first word after the message *after* is that it heard *text*."""
    reply = await simulator.driver.wait_for_message(after=after["id"], timeout_s=15.0)
    assert reply is not None, f"nobody heard {text}"
    assert reply["content"] == f"heard {text}"


async def test_a_second_life_goes_on_where_the_first_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cache is full, what was said in between is answered once, and no login is spent."""
    async with Simulator() as simulator:
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), recalls=True) as first:
            await first.ready()
            assert await first.answers("one") == "heard one"
        two = await simulator.driver.say("two")
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), recalls=True) as second:
            await second.ready()
            await heard(simulator, "two", after=two)
            assert await second.answers("three") == "heard three"

            assert await answers_to(simulator, "one", "two", "three") == [1, 1, 1]
            assert second.hub.counts["identify"] == 1
            assert [guild.name for guild in second.client.guilds] == ["Novera Test"]
            assert second.client.events.count("ready") == 1
            assert second.connection.snapshot().resumes == 1


async def test_every_shard_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord is not even asked how many there should be."""
    async with Simulator(shards=2) as simulator:
        async with rigged(simulator, tmp_path, monkeypatch, ShardedEcho(), recalls=True) as first:
            await first.ready()
        two = await simulator.driver.say("two")
        asked = len(await simulator.driver.rest_log(path="*/gateway/bot"))
        async with rigged(simulator, tmp_path, monkeypatch, ShardedEcho(), recalls=True) as second:
            await second.ready()
            await heard(simulator, "two", after=two)
            assert await second.answers("three") == "heard three"

            assert await answers_to(simulator, "two", "three") == [1, 1]
            assert second.hub.counts["identify"] == 2
            assert second.connection.snapshot().resumes == 2
            assert len(await simulator.driver.rest_log(path="*/gateway/bot")) == asked
            assert second.client.events.count("shard_ready") == 2
            assert second.client.events.count("ready") == 1


async def test_a_shard_without_a_journal_logs_in_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is continued; the client is ready once, when both are."""
    async with Simulator(shards=2) as simulator:
        async with rigged(simulator, tmp_path, monkeypatch, ShardedEcho(), recalls=True) as first:
            await first.ready()
        (tmp_path / "journal-1.sqlite3").write_bytes(b"no journal")
        async with rigged(simulator, tmp_path, monkeypatch, ShardedEcho(), recalls=True) as second:
            await second.ready()

            assert second.hub.counts["identify"] == 3
            assert second.connection.snapshot().resumes == 1
            assert second.client.events.count("ready") == 1


async def test_other_intents_begin_a_session_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache of the first life would lack what the second one is to see."""
    wider = discord.Intents(guilds=True, guild_messages=True, message_content=True, members=True)
    async with Simulator() as simulator:
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), recalls=True) as first:
            await first.ready()
        client = Echo(intents=wider)
        async with rigged(simulator, tmp_path, monkeypatch, client, recalls=True) as second:
            await second.ready()

            assert second.hub.counts["identify"] == 2
            assert await second.answers("two") == "heard two"


@pytest.mark.parametrize(
    ("limit", "caught_up"), [pytest.param(0, 0, id="off"), pytest.param(10, 1, id="on")]
)
async def test_what_a_refused_session_missed_is_fetched_if_wished(
    limit: int, caught_up: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord forgot the session: the messages of that time are still in the channels."""
    options = {"recalls": True, "catch_up_max_messages": limit}
    async with Simulator() as simulator:
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), **options) as first:
            await first.ready()
            assert await first.answers("one") == "heard one"
        two = await simulator.driver.say("two")
        await simulator.driver.fault("refuse_resume", {})
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), **options) as second:
            await second.ready()
            if caught_up:
                await heard(simulator, "two", after=two)
            assert await second.answers("three") == "heard three"

            assert await answers_to(simulator, "one", "two", "three") == [1, caught_up, 1]
            assert second.hub.counts["identify"] == 2


async def test_a_journal_that_can_not_be_read_costs_a_login_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it missed is fetched by the time of its last event, if that is known."""
    async with Simulator() as simulator:
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), recalls=True) as first:
            await first.ready()
        (tmp_path / "journal-0.sqlite3").write_bytes(b"\x00" * 4096)
        async with rigged(simulator, tmp_path, monkeypatch, Echo(), recalls=True) as second:
            await second.ready()
            assert await second.answers("two") == "heard two"

            assert second.hub.counts["identify"] == 2
