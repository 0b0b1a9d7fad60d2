"""The baseline: an ordinary discord.py bot as a tutorial would write it, pointed to a simulator.

It answers `!ping TEXT` with `pong TEXT`, tells its loop's lag, and hangs when it is told to. Run it
alone, or under Novera with `BOT_FACTORY=bench.plain_bot:bot`.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import discord
import discord.gateway
import discord.http
import yarl
from discord.ext import commands

LAG_EVERY_S = 0.005
intents = discord.Intents.default()
intents.message_content = True


class PlainBot(commands.Bot):
    """A bot that measures how late its own timers come."""

    lags_s: list[float]

    async def setup_hook(self) -> None:
        """Start measuring."""
        self.lags_s = []
        self.sampler = self.loop.create_task(self.sample(), name="lag-sampler")

    async def sample(self) -> None:
        """Note how late each short sleep ends."""
        while True:
            due_s = time.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.lags_s.append(time.monotonic() - due_s)


bot = PlainBot(command_prefix="!", intents=intents)


@bot.command()
async def ping(context: commands.Context[Any], *, text: str = "") -> None:
    """Answer pong."""
    await context.send(f"pong {text}".strip())


@bot.command()
async def lag(context: commands.Context[Any]) -> None:
    """Answer median and 99th percentile of the lag in milliseconds, and begin anew."""
    lags = sorted(bot.lags_s) or [0.0]
    bot.lags_s.clear()
    p50, p99 = lags[len(lags) // 2], lags[int(len(lags) * 0.99)]
    await context.send(f"{p50 * 1000:.3f} {p99 * 1000:.3f}")


@bot.command()
async def hang(_: commands.Context[Any]) -> None:
    """Block the loop, as a forgotten `time.sleep` does."""
    time.sleep(600)  # noqa: ASYNC251 - the fault under test


def main() -> None:
    """Run until killed."""
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])
    bot.run(os.environ["DISCORD_TOKEN"], log_handler=None)


if __name__ == "__main__":
    main()
