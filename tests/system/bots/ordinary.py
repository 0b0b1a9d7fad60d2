"""A bot as somebody else would write it: globals, events, a cog, and no word of Novera."""

import os
import time

import discord
from discord.ext import commands, tasks

TOKEN = os.getenv("DISCORD_TOKEN", "")
intents = discord.Intents.default()
intents.message_content = True
bot = commands.Bot(command_prefix="?", intents=intents)
started_at = time.time()
seen_messages = 0


@bot.event
async def on_ready() -> None:
    """Start the clock once."""
    if not ticker.is_running():
        ticker.start()


@bot.event
async def on_message(message: discord.Message) -> None:
    """Count, then let commands work."""
    global seen_messages
    if message.author.bot:
        return
    seen_messages += 1
    await bot.process_commands(message)


@tasks.loop(seconds=1)
async def ticker() -> None:
    """Do something regularly, as most bots do."""


@bot.command()
async def seen(ctx: commands.Context[commands.Bot]) -> None:
    """Say how many messages were seen."""
    await ctx.send(f"seen {seen_messages}")


@bot.command()
async def report(ctx: commands.Context[commands.Bot]) -> None:
    """Call a web service with a library that blocks, which never answers."""
    time.sleep(600)  # noqa: ASYNC251 - this is the mistake
    await ctx.send("done")


class Greetings(commands.Cog):
    """A cog with a command, a listener and a slash command."""

    def __init__(self, client: commands.Bot) -> None:
        self.client, self.greeted = client, 0

    @commands.command()
    async def hello(self, ctx: commands.Context[commands.Bot]) -> None:
        """Greet."""
        self.greeted += 1
        await ctx.send(f"hello {self.greeted}")

    @discord.app_commands.command()
    async def wave(self, interaction: discord.Interaction) -> None:
        """Wave back."""
        await interaction.response.send_message("\N{WAVING HAND SIGN}")


async def _setup() -> None:
    await bot.add_cog(Greetings(bot))
    await bot.tree.sync()


bot.setup_hook = _setup  # type: ignore[method-assign] # the usual way

if __name__ == "__main__":
    bot.run(TOKEN)
