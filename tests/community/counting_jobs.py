"""A plugin whose jobs count, as fast as a test lets them."""

from __future__ import annotations

import asyncio
from typing import Any

from discord.ext import commands

from bot.background.background import JobContext
from bot.background.entry import Status
from bot.commands.refusals import Refused


class Counting(commands.Cog):
    """Counts up to a number; stops before *hold_at* until the test says `go`.

    One that `breaks` fails when it is stopped there, as a call does whose connection is closed.
    """

    def __init__(self, bot: Any) -> None:
        self.bot, self.go, self.held = bot, asyncio.Event(), asyncio.Event()
        self.hold_at, self.breaks = -1, False
        self.counted: list[int] = []
        self.ended: list[Status] = []

    async def cog_load(self) -> None:
        background = self.bot.services.background
        background.handle("count", self.work, ended=self.note_end)
        background.handle("count-once", self.work, resumable=False, ended=self.note_end)

    async def note_end(self, job: JobContext, status: Status) -> None:
        self.ended.append(status)

    async def work(self, job: JobContext) -> str:
        total, number = int(job.args["to"]), int(job.state.get("number", 0))
        if total < 0:
            raise Refused("I can't count down.")
        while number < total:
            if number == self.hold_at:
                self.held.set()
                try:
                    await self.go.wait()
                except asyncio.CancelledError:
                    if self.breaks:
                        raise RuntimeError("closed") from None
                    raise
            number += 1
            self.counted.append(number)
            await job.progress(number, total)
            await job.checkpoint({"number": number})
        return f"Counted to {total}."

    @commands.command()
    async def count(self, ctx: commands.Context[Any], to: int, kind: str = "count") -> None:
        background = self.bot.services.background
        job_id = await background.submit(kind, ctx, title="Count", args={"to": to})
        again = await background.submit(kind, ctx, title="Count", args={"to": to})
        assert again == job_id, "one message began two jobs"


async def setup(bot: Any) -> None:
    """Entry point of the extension."""
    await bot.add_cog(Counting(bot))
