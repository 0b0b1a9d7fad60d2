"""Registers slash commands with Discord: only what changed, never in the way of a start."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog
from discord import app_commands

from bot.commands import registration
from bot.gateway.statefile import StateFile
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from discord.ext import commands

    from bot.tasks.manager import TaskManager

    AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | app_commands.Group

log = structlog.get_logger(__name__)

FILE = "commands.hash"
MAX_BYTES = 1024 * 1024
SYNC_TIMEOUT_S = 60.0  # of one call; discord.py waits out rate limits inside it
RETRY_BASE_S = 5.0
RETRY_CAP_S = 600.0
TOO_MANY = 429


class CommandSync:
    """The commands that Discord was told, by hash on disk, and the task that tells it anew."""

    def __init__(
        self,
        bot: commands.Bot,
        tasks: TaskManager,
        *,
        path: Path,
        api_url: str,
        leads: Callable[[], bool] = lambda: True,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """*leads*: whether this process still serves; the next one may have other commands."""
        self._bot, self._tasks, self._api_url = bot, tasks, api_url
        self._file = StateFile(path, max_bytes=MAX_BYTES)
        self._leads, self._draw = leads, draw
        self._task: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self._lock = asyncio.Lock()

    def start(self) -> None:
        """Look for changes in a task of its own; one that is at it already looks once more."""
        self._asked.set()
        if self._task is None or self._task.done():
            # In a context of its own: it may go on long after the event that asked for it is done.
            self._task = contextvars.Context().run(self._begin)

    def _begin(self) -> asyncio.Task[None]:
        return self._tasks.create_task(self._run(), name="command-sync")

    async def sync(self, *, force: bool = False) -> int:
        """Register what changed, or everything with *force*; answers how many scopes that were.

        Raises:
            discord.HTTPException: Discord refused a scope; all others are registered.
            discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError: Discord was not
                reached; what it took so far is on disk.
        """
        application = self._bot.application_id
        if application is None:
            raise app_commands.MissingApplicationID
        refusals: list[discord.HTTPException] = []
        async with self._lock:
            current, known = await self._current(), await self._known(application)
            scopes = registration.outdated(known, current, force=force)
            for scope in scopes:
                try:
                    await self._tell(scope)
                except discord.HTTPException as error:
                    if not _is_refusal(error):
                        raise
                    refusals.append(error)
                    continue
                known.pop(scope, None)
                known |= {scope: current[scope]} if scope in current else {}
                await self._keep(known, application)
        if refusals:
            raise refusals[0]
        return len(scopes)

    async def _tell(self, scope: str) -> None:
        guild = None if scope == registration.GLOBAL else discord.Object(id=int(scope))
        await with_timeout(self._bot.tree.sync(guild=guild), SYNC_TIMEOUT_S)

    async def _run(self) -> None:
        tries = 0
        while self._leads():
            self._asked.clear()
            if await self._try():
                if not self._asked.is_set():
                    return
                tries = 0
                continue
            delay_s = min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(tries, 10))
            delay_s *= 0.5 + self._draw() / 2
            tries += 1
            log.warning("commands.not_registered", tries=tries, delay_s=round(delay_s, 1))
            with contextlib.suppress(TimeoutError):
                await with_timeout(self._asked.wait(), delay_s)

    async def _try(self) -> bool:
        """Answer whether there is nothing to try again."""
        try:
            scopes = await self.sync()
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            if not _is_refusal(error):
                log.info("commands.not_taken", error=type(error).__name__)
                return False
            # The text names the commands and fields that Discord refused: the author's concern.
            log.error("commands.refused", reason=str(error)[:2000])
        else:
            log.info("commands.registered" if scopes else "commands.unchanged", scopes=scopes)
        return True

    async def _current(self) -> dict[str, str]:
        """Answer the hash of every scope that has commands; the global one always counts."""
        tree = self._bot.tree
        scopes = {registration.GLOBAL: tree.get_commands()}
        for guild in self._bot.guilds:
            own = tree.get_commands(guild=guild)
            if own:
                scopes[str(guild.id)] = own
        return {
            scope: registration.fingerprint([await self._payload(command) for command in held])
            for scope, held in scopes.items()
        }

    async def _payload(self, command: AnyCommand) -> dict[str, object]:
        tree = self._bot.tree
        if tree.translator is not None:
            return dict(await command.get_translated_payload(tree, tree.translator))
        return dict(command.to_dict(tree))

    async def _known(self, application: int) -> dict[str, str]:
        """Answer what Discord was told; a guild that the bot has left took its commands along."""
        raw = await self._file.read() or b""  # one registration too many does no harm
        known = registration.decode(raw, application=application, api_url=self._api_url)
        here = {registration.GLOBAL, *(str(guild.id) for guild in self._bot.guilds)}
        return {scope: digest for scope, digest in known.items() if scope in here}

    async def _keep(self, known: dict[str, str], application: int) -> None:
        await self._file.write(
            registration.encode(known, application=application, api_url=self._api_url)
        )


def _is_refusal(error: Exception) -> bool:
    """Whether asking again would be answered the same."""
    return (
        isinstance(error, discord.HTTPException) and 400 <= error.status < 500
    ) and error.status != TOO_MANY
