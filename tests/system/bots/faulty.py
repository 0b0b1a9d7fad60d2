"""A plugin with a command for each way in which a handler breaks a bot."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from discord.ext import commands

from tests import faults

Context = commands.Context[Any]
MIB = 1024 * 1024


async def _fail() -> None:
    raise LookupError("nobody awaits this")


def _is_first(fault: str) -> bool:
    """Answer whether *fault* never happened here: what it broke is handed to handlers again."""
    try:
        Path(f"once-{fault}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Dying(commands.Cog):
    """Commands after which the process ends, or hangs until it is ended; each does it once."""

    @commands.command()
    async def sleep(self, _: Context) -> None:
        """Block the loop with a call that waits."""
        if _is_first("sleep"):
            faults.block_loop(600)

    @commands.command()
    async def spin(self, _: Context) -> None:
        """Block the loop with work that never ends."""
        if _is_first("spin"):
            faults.spin()

    @commands.command()
    async def regex(self, _: Context) -> None:
        """Hold the interpreter's lock in C."""
        if _is_first("regex"):
            faults.hold_gil()

    @commands.command()
    async def crash(self, _: Context, name: str) -> None:
        """Have the kernel end the process with the signal *name*."""
        if _is_first(name):
            os.kill(os.getpid(), signal.Signals[name])

    @commands.command()
    async def leave(self, context: Context, how: str) -> None:
        """End the process as if all were well: `sys.exit`, `os._exit`, or a client that closes."""
        if not _is_first(how):
            return
        match how:
            case "sys.exit":
                sys.exit(0)
            case "os._exit":
                os._exit(0)
            case "close":
                loop = asyncio.get_running_loop()
                # Later: discord.py could not end the command's own event after that.
                loop.call_later(0.1, lambda: loop.create_task(context.bot.close(), name="closing"))

    @commands.command()
    async def devour(self, _: Context, size_mb: int) -> None:
        """Take more memory than there is."""
        if _is_first("devour"):
            faults.leak_memory(size_mb * MIB)


class Ailing(commands.Cog):
    """Commands after which the process lives on, not well."""

    def __init__(self) -> None:
        self.undo: list[Callable[[], None]] = []
        self.lock = asyncio.Lock()
        self.unloads_in_s = 0.0

    async def cog_unload(self) -> None:
        """Block the loop at the end, if that was asked for."""
        faults.block_loop(self.unloads_in_s)

    @commands.command()
    async def nap(self, context: Context, seconds: float) -> None:
        """Block the loop for a while, then answer."""
        faults.block_loop(seconds)
        await context.send("woke up")

    @commands.command()
    async def stutter(self, _: Context, block_s: float, turns: int) -> None:
        """Block the loop again and again."""
        await faults.stutter(block_s, turns=turns)

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

    @commands.command()
    async def queue(self, context: Context) -> None:
        """Wait for a lock that the first one keeps, until `!free`."""
        await self.lock.acquire()
        await context.send("had the lock")

    @commands.command()
    async def grow(self, context: Context, size_mb: int) -> None:
        """Hold that much more memory."""
        self.undo.append(faults.leak_memory(size_mb * MIB))
        await context.send("grown")

    @commands.command()
    async def files(self, context: Context, count: int, limit: int) -> None:
        """Lower the limit of open files to *limit*, and leak *count* of them."""
        await context.send("leaking files")
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        self.undo.append(faults.leak_files(count))

    @commands.command()
    async def threads(self, context: Context, count: int, limit: int) -> None:
        """Lower the limit of threads to *limit*, and leak *count* of them."""
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, hard))
        self.undo.append(faults.leak_threads(count))
        await context.send("leaked threads")

    @commands.command()
    async def beats(self, context: Context, fault: str) -> None:
        """Have the thread that writes heartbeats `end`, or `deadlock`."""
        if fault == "end":
            faults.end_thread("heartbeat")
        else:
            self.undo.append(faults.deadlock("heartbeat", type(context.bot), "guilds"))
        await context.send("broken")

    @commands.command()
    async def linger(self, context: Context, seconds: float) -> None:
        """Have the end of the process take that much longer."""
        self.unloads_in_s = seconds
        await context.send("will be slow")

    @commands.command()
    async def free(self, _: Context) -> None:
        """Undo what was leaked, locked or broken."""
        while self.undo:
            self.undo.pop()()
        if self.lock.locked():
            self.lock.release()


async def setup(bot: commands.Bot) -> None:
    """Add the cogs."""
    await bot.add_cog(Dying())
    await bot.add_cog(Ailing())
