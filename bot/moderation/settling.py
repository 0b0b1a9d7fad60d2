"""Settles cases that are pending and that nobody works on any more.

Their process died, or an answer of Discord's was lost, and what asked for them is not handled
again. What Discord shows now says how they went; nothing is done a second time to find out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import aiohttp
import discord
import structlog

from bot.commands.refusals import Refused
from bot.commands.replies import explain
from bot.moderation.case import Case
from bot.moderation.modlog import NONCE_HOLDS_S
from bot.storage.errors import StorageError
from bot.tasks.periodic import Periodic

if TYPE_CHECKING:
    from bot.services import Services

log = structlog.get_logger(__name__)

# After the bot is ready: what is handed to this process again has found its cases by then.
FIRST_LOOK_S = 20.0
LOOK_EVERY_S = 60.0
GRACE = timedelta(seconds=60)  # an answer may still be on its way
_AWAY = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a case went, as far as can be seen.

    Attributes:
        why: What else is to be known of it; a sentence, or empty.
    """

    went: Literal["done", "undone", "unknown"]
    why: str = ""

    @property
    def text(self) -> str:
        """What the case says then."""
        return " ".join(word for word in (_WORDS[self.went], self.why) if word)


_WORDS = {
    "done": "I was interrupted in this, and found it done.",
    "undone": "I was interrupted in this; it was not done.",
    "unknown": "I was interrupted in this, and can't tell whether it was done: please look.",
}
DONE, UNDONE = Verdict(went="done"), Verdict(went="undone")

# Answers how a case went; None leaves it, since somebody works on it or it settled it itself.
Judge = Callable[[discord.Guild, Case], Awaitable[Verdict | None]]


class Settling:
    """Looks for such cases; who knows an action says by `judged` how its cases are judged."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._judges: dict[str, Judge] = {}
        self._runner: asyncio.Task[None] | None = None

    def judged(self, action: str, judge: Judge) -> None:
        """Let *judge* settle the cases of *action*; in a cog's `cog_load`."""
        self._judges[action] = judge

    def begin(self) -> None:
        """Look now and then; called when the bot is ready."""
        if self._runner is None:
            self._runner = self._services.tasks.create_task(self._run(), name="cases-settling")

    async def close(self) -> None:
        """Look no longer."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait({self._runner}, timeout=1.0)

    async def look(self, *, after: timedelta | None = None) -> None:
        """Settle what is pending for longer than *after*, or `GRACE`."""
        try:
            before = datetime.now(UTC) - (GRACE if after is None else after)
            for case in await self._services.cases.left(self._judges, before=before):
                await self._settle(case)
        except StorageError as error:
            log.info("cases.not_settled", advice=error.advice)

    async def _settle(self, case: Case) -> None:
        client, cases = self._services.client, self._services.cases
        guild = client.get_guild(case.guild_id) if client is not None else None
        if guild is None or guild.unavailable:
            return
        try:
            verdict = await self._judges[case.action](guild, case)
        except Refused as refusal:
            verdict = Verdict(went="undone", why=str(refusal))
        except discord.NotFound as error:
            verdict = Verdict(went="undone", why=explain(error).text)
        except discord.Forbidden:
            verdict = Verdict(went="unknown", why="I lack the permission to see it.")
        except _AWAY as error:
            log.warning("case.not_settled", case_id=case.id, error=type(error).__name__)
            return
        if verdict is None:
            return
        log.info("case.settled", case_id=case.id, went=verdict.went)
        if verdict.went == "done":
            await cases.finish(case, verdict.text)
        else:
            await cases.fail(case, verdict.text, shown=True)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_LOOK_S)
        try:
            since = datetime.now(UTC) - timedelta(seconds=NONCE_HOLDS_S)
            await self._services.cases.tell_again(since)
        except StorageError as error:
            log.info("cases.not_told", advice=error.advice)
        async with Periodic(
            name="cases-settled",
            step=self.look,
            interval_s=LOOK_EVERY_S,
            tasks=self._services.tasks,
        ):
            await asyncio.Event().wait()
