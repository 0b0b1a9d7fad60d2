"""Running a discord.py bot against a simulator, for tests of bots and plugins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol, TypeVar

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route


class Addressed(Protocol):
    """A running simulator: `Simulator` in this loop, or one's own notes of another process."""

    @property
    def api_url(self) -> str: ...

    @property
    def gateway_url(self) -> str: ...

    @property
    def token(self) -> str: ...


Bot = TypeVar("Bot", bound=discord.Client)


@contextmanager
def pointed_at(simulator: Addressed) -> Iterator[None]:
    """Point discord.py to *simulator* by its two address constants, and back at the end."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = simulator.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(simulator.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


@asynccontextmanager
async def running(bot: Bot, simulator: Addressed) -> AsyncIterator[Bot]:
    """Run *bot* until the block ends; it is ready when the block begins.

    Give the bot `guild_ready_timeout=0.1`: discord.py waits 2 s for guilds otherwise.

    Raises:
        Exception: what made the bot's login or connection end before it was ready.
    """
    with pointed_at(simulator):
        async with bot:
            await bot.login(simulator.token)
            connection = asyncio.create_task(bot.connect(), name="bot-connection")
            ready = asyncio.create_task(bot.wait_until_ready(), name="bot-ready")
            try:
                await asyncio.wait({connection, ready}, return_when=asyncio.FIRST_COMPLETED)
                if connection.done():
                    connection.result()
                yield bot
            finally:
                ready.cancel()
                await bot.close()
                connection.cancel()
                await asyncio.wait({connection, ready})
