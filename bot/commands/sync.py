"""Registers slash commands with Discord: only what changed, never in the way of a start."""

from __future__ import annotations

import asyncio
import contextvars
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog
from discord import app_commands

from bot.commands import registration
from bot.tasks.timeouts import with_timeout
from watchdog.heartbeat import file
from watchdog.heartbeat.schema import HeartbeatError

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
MAX_TRIES = 8


class CommandSync:
    """The commands that Discord was told, by hash on disk, and the task that tells it anew."""

    def __init__(
        self,
        bot: commands.Bot,
        tasks: TaskManager,
        *,
        path: Path,
        api_url: str,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._bot, self._tasks, self._path, self._api_url = bot, tasks, path, api_url
        self._draw = draw
        self._task: asyncio.Task[None] | None = None
        self._asked = False
        self._lock = asyncio.Lock()

    def start(self) -> None:
        """Look for changes in a task of its own; one that is at it already looks once more."""
        self._asked = True
        if self._task is None or self._task.done():
            # In a context of its own: it may go on long after the event that asked for it is done.
            self._task = contextvars.Context().run(self._begin)

    def _begin(self) -> asyncio.Task[None]:
        return self._tasks.create_task(self._run(), name="command-sync")

    async def sync(self, *, force: bool = False) -> int:
        """Register what changed, or everything with *force*; answers how many scopes that were.

        Raises:
            discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError: Discord did not take
                it; what it took so far is on disk.
        """
        application = self._bot.application_id
        if application is None:
            raise app_commands.MissingApplicationID
        async with self._lock:
            current = await self._current()
            known = {} if force else self._read(application)
            scopes = registration.outdated(known, current)
            for scope in scopes:
                guild = None if scope == registration.GLOBAL else discord.Object(id=int(scope))
                await with_timeout(self._bot.tree.sync(guild=guild), SYNC_TIMEOUT_S)
                if scope in current:
                    known[scope] = current[scope]
                else:
                    known.pop(scope, None)
                self._write(known, application)
            return len(scopes)

    async def _run(self) -> None:
        while self._asked:
            self._asked = False
            await self._try()

    async def _try(self) -> None:
        for tries in range(MAX_TRIES):
            try:
                scopes = await self.sync()
            except app_commands.CommandSyncFailure as error:
                # The text names the commands and fields that Discord refused: the author's concern.
                log.error("commands.refused", reason=str(error)[:2000])
                return
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
                delay_s = min(RETRY_CAP_S, RETRY_BASE_S * 2**tries) * (0.5 + self._draw() / 2)
                log.warning(
                    "commands.not_registered", error=type(error).__name__, delay_s=round(delay_s, 1)
                )
                await asyncio.sleep(delay_s)
            else:
                log.info("commands.registered" if scopes else "commands.unchanged", scopes=scopes)
                return
        log.error("commands.given_up", tries=MAX_TRIES)

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

    def _read(self, application: int) -> dict[str, str]:
        try:
            raw = file.read(self._path, max_bytes=MAX_BYTES)
        except (OSError, HeartbeatError):
            return {}  # one registration too many does no harm
        return registration.decode(raw, application=application, api_url=self._api_url)

    def _write(self, known: dict[str, str], application: int) -> None:
        raw = registration.encode(known, application=application, api_url=self._api_url)
        try:
            file.write(self._path, raw)
        except OSError as error:
            log.warning("commands.hash_not_written", error=type(error).__name__)
