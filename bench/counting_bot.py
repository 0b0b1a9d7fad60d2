"""A bot that answers each message once: an ordinary discord.py bot, with or without Novera.

It answers `n NUMBER` with `got NUMBER`, `/count` with its number, and blocks its loop soon after
`hang`. Run it alone, or under Novera with `BOT_FACTORY=bench.counting_bot:bot`.
"""

from __future__ import annotations

import os

import discord
import discord.gateway
import discord.http
import yarl
from discord import app_commands

from bench import hang

intents = discord.Intents.default()
intents.message_content = True


class CountingBot(discord.Client):
    """A client with one event and one slash command."""

    def __init__(self) -> None:
        super().__init__(intents=intents)
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="count", description="Answer a number.")(count)

    async def setup_hook(self) -> None:
        """Tell Discord of the command."""
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        """Answer a number."""
        word, _, number = message.content.partition(" ")
        if word == "n" and not message.author.bot:
            await message.channel.send(f"got {number}")
        await hang.hang(message)


async def count(interaction: discord.Interaction, number: int) -> None:
    """Answer a number."""
    await interaction.response.send_message(f"counted {number}")


bot = CountingBot()


def main() -> None:
    """Run until killed."""
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])
    bot.run(os.environ["DISCORD_TOKEN"], log_handler=None)


if __name__ == "__main__":
    main()
