"""A bot that answers each message once, and two messages that no process survives."""

import asyncio
import os
import re
import signal

import discord
from discord import app_commands

intents = discord.Intents.default()
intents.message_content = True


class Counting:
    """The events of a client that counts; mixed into an ordinary and a sharded one."""

    async def setup_hook(self) -> None:
        """Tell Discord of the slash command."""
        assert isinstance(self, discord.Client)
        tree = app_commands.CommandTree(self)
        tree.command(name="count", description="Answer a number.")(count)
        await tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        """Answer `n NUMBER` with `got NUMBER`; `die` and `hang` do what they say."""
        word, _, number = message.content.partition(" ")
        if message.author.bot:
            return
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "hang":
            re.match("(a|a)*$", "a" * 60 + "b")  # in C, with the interpreter's lock held
        if word == "slow":
            await asyncio.sleep(1)
        if word in ("n", "slow"):
            await message.channel.send(f"got {number}")


async def count(interaction: discord.Interaction, number: int) -> None:
    """Answer a number."""
    await interaction.response.send_message(f"counted {number}")


class CountingClient(Counting, discord.Client):
    """Without shards."""


class ShardedClient(Counting, discord.AutoShardedClient):
    """With as many shards as it is told."""


def bot() -> discord.Client:
    """Answer an ordinary client."""
    return CountingClient(intents=intents)


def sharded() -> discord.Client:
    """Answer a client of two shards."""
    return ShardedClient(intents=intents, shard_count=2)
