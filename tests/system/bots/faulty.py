"""A plugin with a command for each way in which a handler breaks a bot."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from typing import Any

from discord.ext import commands

Context = commands.Context[Any]


async def _fail() -> None:
    raise LookupError("nobody awaits this")


class Faulty(commands.Cog):
    """One command, one fault; `!nap SECONDS` is a fault that is not one."""

    @commands.command()
    async def sleep(self, _: Context) -> None:
        """Block the loop with a call that waits."""
        time.sleep(600)  # noqa: ASYNC251 - the fault

    @commands.command()
    async def nap(self, context: Context, seconds: float) -> None:
        """Block the loop for a while, then answer."""
        time.sleep(seconds)  # noqa: ASYNC251 - the fault
        await context.send("woke up")

    @commands.command()
    async def spin(self, _: Context) -> None:
        """Block the loop with work that never ends."""
        while True:
            pass

    @commands.command()
    async def regex(self, _: Context) -> None:
        """Hold the interpreter's lock in C."""
        re.match("(a|a)*$", "a" * 60 + "b")

    @commands.command()
    async def segv(self, _: Context) -> None:
        """Crash the interpreter."""
        os.kill(os.getpid(), signal.SIGSEGV)

    @commands.command()
    async def spawn(self, context: Context) -> None:
        """Start a task that dies, and forget it."""
        task = asyncio.get_running_loop().create_task(_fail(), name="forgotten")
        await context.send(f"started {task.get_name()}")

    @commands.command()
    async def slow(self, context: Context, seconds: float) -> None:
        """Work for a while without blocking, then answer."""
        await asyncio.sleep(seconds)
        await context.send("done")

    @commands.command()
    async def post(self, context: Context, times: int) -> None:
        """Post some messages."""
        for number in range(times):
            await context.send(f"post {number + 1}")


async def setup(bot: commands.Bot) -> None:
    """Add the cog."""
    await bot.add_cog(Faulty())
