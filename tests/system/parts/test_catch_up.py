"""Messages of a time without a session, read by a real client on the simulator."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord.ext import commands
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from structlog.testing import capture_logs

from bot.gateway.catch_up import CaughtUp, catch_up, snowflake
from bot.gateway.event import GatewayEvent, current_event
from bot.gateway.rest import RestGuard
from simulator.server import Simulator
from simulator.testing import running
from tests.integration.serving import until


class Reader(commands.Bot):
    """Notes each message that it is handed, and the event it came with."""

    def __init__(self, **options: Any) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        chosen: dict[str, Any] = {"intents": intents, "guild_ready_timeout": 0.1}
        super().__init__("!", **chosen | options)
        self.read: list[discord.Message] = []
        self.events: list[GatewayEvent | None] = []

        @self.command()
        @commands.has_permissions(ban_members=True)
        async def banish(ctx: commands.Context[Reader]) -> None:
            await ctx.send("gone")

    async def on_message(self, message: discord.Message) -> None:
        """Note it, then run commands."""
        self.read.append(message)
        self.events.append(current_event.get())
        await self.process_commands(message)

    def texts(self, channel: str) -> list[str]:
        """Answer what was read in a channel, in the order it came."""
        return [each.content for each in self.read if str(each.channel) == channel]


@contextlib.asynccontextmanager
async def reading(simulator: Simulator, **options: Any) -> AsyncIterator[Reader]:
    """Run a reader that begins with what it was not told."""
    async with running(Reader(**options), simulator) as reader:
        RestGuard(reader.http).attach()
        yield reader


@pytest.fixture
async def began_s(simulator: Simulator) -> float:
    """When the session was lost: before everything that the test says."""
    await simulator.driver.say("before", channel="quiet")
    await asyncio.sleep(0.01)
    at_s = time.time()
    await asyncio.sleep(0.01)
    return at_s


async def say(simulator: Simulator, channel: str, *texts: str) -> list[int]:
    """Let alice say something in a channel; answers the ids."""
    return [int((await simulator.driver.say(text, channel=channel))["id"]) for text in texts]


async def test_each_channel_is_read_from_its_last_message_on(
    simulator: Simulator, began_s: float
) -> None:
    """Text channels, the chats of voice channels, and threads; oldest first within each."""
    backend, general = simulator.world.backend, simulator.world.channel("general")
    await simulator.driver.add_channel("voice", kind="voice")
    backend.create_thread(general.id, "thread", simulator.world.user("alice").id)
    seen, *_ = await say(simulator, "general", "seen", "g1", "g2", "g3")
    await say(simulator, "voice", "v1")
    await say(simulator, "thread", "t1", "t2")
    async with reading(simulator) as reader:
        result = await catch_up(reader, {general.id: seen}, began_s, 100)
        await until(lambda: len(reader.read) == 6)

        assert result == CaughtUp(channels=3, messages=6, failed=0)
        assert reader.texts("general") == ["g1", "g2", "g3"]
        assert reader.texts("voice") == ["v1"]
        assert reader.texts("thread") == ["t1", "t2"]
        assert reader.texts("quiet") == []


async def test_of_many_messages_the_newest_are_read(simulator: Simulator, began_s: float) -> None:
    """Discord answers 100 at once."""
    await say(simulator, "general", *(f"m{number}" for number in range(230)))
    async with reading(simulator) as reader:
        result = await catch_up(reader, None, began_s, 210)
        await until(lambda: len(reader.read) == 210)
        calls = [
            each
            for each in await simulator.driver.rest_log()
            if each["method"] == "GET" and each["path"].endswith("/messages")
        ]

        assert result.messages == 210
        assert reader.texts("general") == [f"m{number}" for number in range(20, 230)]
        assert len(calls) == 3


async def test_channels_without_news_cost_no_call(simulator: Simulator, began_s: float) -> None:
    """Their last message is known from the guild."""
    async with reading(simulator) as reader:
        before = len(await simulator.driver.rest_log())
        result = await catch_up(reader, None, began_s, 100)

        assert result == CaughtUp(channels=0, messages=0, failed=0)
        assert len(await simulator.driver.rest_log()) == before


async def test_what_the_bot_may_not_read_is_left_alone(
    simulator: Simulator, began_s: float
) -> None:
    """A refused call would count towards a ban."""
    backend, general = simulator.world.backend, simulator.world.channel("general")
    for permission, name in (("view_channel", "hidden"), ("read_message_history", "dark")):
        channel = await simulator.driver.add_channel(name)
        denied = discord.Permissions(**{permission: True}).value
        await say(simulator, name, "secret")
        backend.set_overwrite(
            int(channel["id"]), Overwrite(backend.bot_user.id, OverwriteType.MEMBER, deny=denied)
        )
    await say(simulator, "general", "open")
    async with reading(simulator) as reader:
        result = await catch_up(reader, {general.id: 1}, began_s, 100)

        await until(lambda: reader.texts("general") == ["open"])
        calls = [each["path"] for each in await simulator.driver.rest_log()]

        assert result == CaughtUp(channels=1, messages=1, failed=0)
        assert [path for path in calls if path.endswith("/messages")] == [
            f"/channels/{general.id}/messages"
        ]


async def test_a_channel_that_fails_stops_no_other(simulator: Simulator, began_s: float) -> None:
    """It is counted, and named in the log without a word of what was said."""
    await say(simulator, "general", "readable")
    await say(simulator, "quiet", "unreadable")
    path = f"/channels/{simulator.world.channel('quiet').id}/messages"
    await simulator.driver.fault("fail_rest", {"status": 403, "code": 50001, "path": path})
    async with reading(simulator) as reader:
        with capture_logs() as logs:
            result = await catch_up(reader, None, began_s, 100)
        await until(lambda: reader.texts("general") == ["readable"])

        assert result == CaughtUp(channels=1, messages=1, failed=1)
        assert [entry["event"] for entry in logs] == [
            "catch_up.channel_failed",
            "catch_up.finished",
        ]
        assert "unreadable" not in str(logs)


async def test_nothing_that_came_live_is_handed_over_again(
    simulator: Simulator, began_s: float
) -> None:
    """The new session brings messages before, and while, the old ones are read."""
    await say(simulator, "general", "old 1", "old 2")
    async with reading(simulator) as reader:
        await say(simulator, "general", "live 1")
        await until(lambda: len(reader.read) == 1)
        await simulator.driver.fault("slow_rest", {"delay_s": 0.3, "times": 1, "method": "GET"})
        running_on = asyncio.ensure_future(catch_up(reader, None, began_s, 100))
        await asyncio.sleep(0.1)
        (last,) = await say(simulator, "general", "live 2")
        result = await running_on
        await until(lambda: len(reader.read) == 4)
        channel = reader.guilds[0].text_channels[0]

        assert result.messages == 2
        assert reader.texts("general") == ["live 1", "live 2", "old 1", "old 2"]
        assert channel.last_message_id == last


async def test_an_author_has_the_roles_that_commands_ask_for(
    simulator: Simulator, began_s: float
) -> None:
    """A message read by REST tells no member; without the members intent none is cached."""
    await simulator.driver.add_role("mod", permissions=["ban_members"], members=["alice"])
    await say(simulator, "general", "!banish", "!banish")
    async with reading(simulator) as reader:
        await catch_up(reader, None, began_s, 100)
        reply = await simulator.driver.wait_for_message()
        members = [
            each for each in await simulator.driver.rest_log() if "/members/" in each["path"]
        ]

        assert reply is not None
        assert reply["content"] == "gone"
        assert isinstance(reader.read[0].author, discord.Member)
        assert len(members) == 1


async def test_an_author_who_left_is_a_user(simulator: Simulator, began_s: float) -> None:
    """What they said is handed over all the same."""
    await say(simulator, "general", "bye")
    await simulator.driver.remove_member("alice")
    async with reading(simulator) as reader:
        result = await catch_up(reader, None, began_s, 100)
        await until(lambda: reader.texts("general") == ["bye"])

        assert result == CaughtUp(channels=1, messages=1, failed=0)
        assert isinstance(reader.read[0].author, discord.User)


async def test_a_message_has_an_event_of_its_own_which_stays_the_same(
    simulator: Simulator, began_s: float
) -> None:
    """Nonces and claims hang on it; a second run, after another death, finds those of the first."""
    await say(simulator, "general", "one", "two")
    places = []
    for _ in range(2):
        async with reading(simulator) as reader:
            await catch_up(reader, None, began_s, 100)
            await until(lambda reader=reader: len(reader.read) == 2)  # type: ignore[misc]
            events = [event for event in reader.events if event is not None]
            places.append([(each.shard_id, each.session_id, each.sequence) for each in events])

    assert places[0] == places[1]
    assert len(set(places[0])) == 2


async def test_one_shard_reads_its_own_servers(simulator: Simulator, began_s: float) -> None:
    """The sessions of the others went on."""
    await simulator.driver.add_guild("second", shard=1, shard_count=2)
    await say(simulator, "quiet", "first server")
    await simulator.driver.say("second server", guild="second")
    first = simulator.world.guild.id >> 22
    async with reading(simulator) as reader:
        reader._connection.shard_count = 2
        result = await catch_up(reader, None, began_s, 100, shard_id=1)
        await until(lambda: len(reader.read) == result.messages)
        expected = ["second server"] + ["first server"] * (first % 2 == 1)

        assert sorted(each.content for each in reader.read) == sorted(expected)


async def test_a_limit_of_none_reads_nothing(simulator: Simulator, began_s: float) -> None:
    """It is off by default."""
    await say(simulator, "general", "unread")
    async with reading(simulator) as reader:
        result = await catch_up(reader, None, began_s, 0)

        assert result == CaughtUp(channels=0, messages=0, failed=0)


def test_a_time_is_an_id() -> None:
    """Discord's own example, and a time before there was Discord."""
    assert snowflake(1462015105.796) == 175928847298985984
    assert snowflake(0.0) == 0
