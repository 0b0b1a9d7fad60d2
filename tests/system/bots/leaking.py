"""A plugin that does with the bot's token what nobody should, and a command for each way."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import warnings
from typing import Any
from urllib.parse import quote

import structlog
from discord.ext import commands

Context = commands.Context[Any]
log = structlog.get_logger(__name__)


class LeakError(Exception):
    """An error whose text is a secret, as that of many a library."""


def _raise(text: str) -> None:
    raise LeakError(text)


class Leaking(commands.Cog):
    """Each command leaks, then fails; `!leaked` says that the last ones are over."""

    def __init__(self, bot: commands.Bot) -> None:
        self._token = str(bot.http.token)

    @commands.command()
    async def log(self, _: Context) -> None:
        """Log it, as a field, within one, and encoded for an address."""
        log.error("token.leaked", token=self._token, url=f"https://x/?t={quote(self._token)}")
        raise LeakError({"token": [self._token]})

    @commands.command()
    async def print(self, _: Context) -> None:
        """Print it to both streams, and warn of it."""
        sys.stdout.write(f"{self._token}\n")
        print(self._token, file=sys.stderr, flush=True)
        sys.stdout.flush()
        warnings.warn(self._token, stacklevel=1)

    @commands.command()
    async def thread(self, _: Context) -> None:
        """Have a thread die of it."""
        threading.Thread(target=_raise, args=(f"401 for {self._token}",)).start()

    @commands.command()
    async def task(self, _: Context) -> None:
        """Have a task die of it."""

        async def die() -> None:
            _raise(f"401 for {self._token}")

        task = asyncio.get_running_loop().create_task(die(), name="leaking")
        await asyncio.wait({task})

    @commands.command()
    async def database(self, context: Context) -> None:
        """Use a database that is not there."""
        await context.bot.services.effects.once("leak:1")

    @commands.command()
    async def outbound(self, context: Context) -> None:
        """Call an address with it where nobody listens."""
        await context.bot.services.outbound.request("GET", f"http://127.0.0.1:1/{self._token}")

    @commands.command()
    async def need(self, _: Context, number: int) -> None:
        """Want a number, and be given words."""

    @commands.command()
    async def hang(self, _: Context) -> None:
        """Stand still with it in a variable."""
        secret = self._token
        time.sleep(600 + len(secret))  # noqa: ASYNC251 - the fault

    @commands.command()
    async def crash(self, _: Context) -> None:
        """Crash the interpreter."""
        os.kill(os.getpid(), signal.SIGSEGV)

    @commands.command()
    async def leaked(self, context: Context) -> None:
        """Answer."""
        await context.send("leaked")


async def setup(bot: commands.Bot) -> None:
    """Add the cog."""
    await bot.add_cog(Leaking(bot))
