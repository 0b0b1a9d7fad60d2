"""An unmodified discord.py bot in the simulator: messages and REST."""

from __future__ import annotations

import asyncio
import io

import discord
import pytest
from discord.ext import commands

from bot.tasks.timeouts import with_timeout
from simulator.driver import Driver
from simulator.server import Simulator


async def test_a_message_is_answered(driver: Driver) -> None:
    """A user asks in a channel, the bot answers there."""
    said = await driver.say("!ping hello", wait_s=5)

    assert said["reply"]["content"] == "pong hello"
    assert said["reply"]["at_s"] >= said["at_s"]


async def test_a_direct_message_is_answered(driver: Driver) -> None:
    """`@dm` is the channel of the user and the bot."""
    said = await driver.say("!ping", user="bob", channel="@dm", wait_s=5)

    assert said["reply"]["content"] == "pong"


async def test_a_waiter_gets_nothing_when_the_bot_stays_silent(driver: Driver) -> None:
    """Waiting ends with None, not with an error."""
    said = await driver.say("not a command", wait_s=0.2)

    assert said["reply"] is None


async def test_every_default_name_is_known_to_the_bot(
    bot: commands.Bot, simulator: Simulator
) -> None:
    """The default world: one guild, two channels, three people, an owner."""
    (guild,) = bot.guilds
    info = await bot.application_info()

    assert (guild.name, [each.name for each in guild.text_channels]) == (
        "Novera Test",
        ["general", "quiet"],
    )
    assert {each.name for each in guild.members} == {"owner", "alice", "bob", "Novera"}
    assert info.owner.name == "owner"
    assert await bot.is_owner(discord.Object(info.owner.id))  # type: ignore[arg-type]


async def test_files_cross_the_wire_both_ways(driver: Driver, bot: commands.Bot) -> None:
    """Multipart uploads arrive with name, size and description."""
    (guild,) = bot.guilds
    sent = await guild.text_channels[0].send(
        "with a file", file=discord.File(io.BytesIO(b"12345"), "five.txt", description="a five")
    )
    shown = await driver.message(str(sent.id))

    assert [(each["filename"], each["size"]) for each in shown["attachments"]] == [("five.txt", 5)]
    assert sent.attachments[0].description == "a five"


async def test_editing_deleting_reacting_and_history_work(
    driver: Driver, bot: commands.Bot
) -> None:
    """The everyday REST routes of discord.py."""
    (guild,) = bot.guilds
    channel = guild.text_channels[0]
    kept = await channel.send("first")
    gone = await channel.send("second")
    await kept.edit(content="edited")
    await kept.add_reaction("👍")
    await gone.delete()
    history = [message async for message in channel.history(limit=5)]

    assert [(each.content, [str(r.emoji) for r in each.reactions]) for each in history] == [
        ("edited", ["👍"])
    ]


async def test_a_route_without_permission_is_forbidden(bot: commands.Bot) -> None:
    """Errors are Discord's own: status, code and class."""
    (guild,) = bot.guilds
    assert guild.owner is not None
    with pytest.raises(discord.Forbidden) as raised:
        await guild.kick(guild.owner)

    assert raised.value.code in (50001, 50013)


async def test_a_guild_that_is_added_and_removed_is_seen(driver: Driver, bot: commands.Bot) -> None:
    """The world can grow and shrink while the bot watches."""
    seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def joined(guild: discord.Guild) -> None:
        seen.put_nowait(("joined", guild.name))

    async def left(guild: discord.Guild) -> None:
        seen.put_nowait(("left", guild.name))

    bot.add_listener(joined, "on_guild_join")
    bot.add_listener(left, "on_guild_remove")
    await driver.add_guild("Second", members=3)
    first = await with_timeout(seen.get(), 5)
    await driver.remove_guild("Second")
    second = await with_timeout(seen.get(), 5)

    assert (first, second) == (("joined", "Second"), ("left", "Second"))
    assert len(bot.guilds) == 1


async def test_a_nonce_that_is_enforced_sends_one_message(
    driver: Driver, bot: commands.Bot
) -> None:
    """The second message of the same nonce is the first one."""
    (guild,) = bot.guilds
    channel = guild.text_channels[0]
    first = await channel.send("once", nonce="n-1")
    second = await channel.send("once", nonce="n-1")

    assert first.id == second.id
    assert [each["content"] for each in await driver.messages()] == ["once"]
