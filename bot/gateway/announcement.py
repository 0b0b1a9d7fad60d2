"""When a client serves, and what it tells its handlers then.

discord.py tells them at READY, which a client that was restored never gets; so it is told here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import discord
import structlog

from bot.gateway.restore import lacking_members
from bot.gateway.transitions import Phase
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from bot.gateway.shard import ShardLoop
    from bot.tasks.manager import TaskManager


log = structlog.get_logger(__name__)

CHUNK_TIMEOUT_S = 60.0


class Announcement:
    """Keeps `ready` true to the shards.

    Attributes:
        ready: Set while every shard serves and the client's cache is complete.
    """

    def __init__(
        self, client: discord.Client, tasks: TaskManager, *, on_ready: Callable[[], None]
    ) -> None:
        """*on_ready* is called each time that the client has become ready."""
        self.ready, self._on_ready = asyncio.Event(), on_ready
        self._client, self._tasks = client, tasks
        self._owed = self._stopped = False
        self._shards: Sequence[ShardLoop] = ()
        self._waiting: asyncio.Task[None] | None = None

    def begin(self, *, restored: int, shards: int) -> None:
        """Note how many of the client's shards were restored.

        Where only some were, discord.py collects the guilds of the others and tells of all.
        """
        self._owed, self._stopped = 0 < restored == shards, False

    def follow(self, shards: Sequence[ShardLoop]) -> None:
        """Do what follows; called whenever one of *shards* changed its phase."""
        self._shards = shards
        if not self._is_serving():
            self.ready.clear()
            return
        if self._owed:
            self._owed = False
            self._tell()
        if self._waiting is None or self._waiting.done():
            self._waiting = self._tasks.create_task(self._await_ready(), name="gateway-ready")

    def stop(self) -> None:
        """The client takes no more events."""
        self._stopped = True
        self.ready.clear()
        if self._waiting is not None:
            self._waiting.cancel()

    def _is_serving(self) -> bool:
        return not self._stopped and all(shard.phase is Phase.READY for shard in self._shards)

    async def _await_ready(self) -> None:
        await self._client.wait_until_ready()
        if self._is_serving():
            self.ready.set()
            self._on_ready()

    def _tell(self) -> None:
        client = self._client
        resumed = [shard.id for shard in self._shards if not shard.identifies]
        sharded = isinstance(client, discord.AutoShardedClient)
        if not sharded and not resumed:
            return  # READY came after all
        client.dispatch("connect")
        for guild in client.guilds:
            if not guild.unavailable:
                client.dispatch("guild_available", guild)
        for shard_id in resumed if sharded else ():
            client.dispatch("shard_connect", shard_id)
            client.dispatch("shard_ready", shard_id)
        if client._connection._ready_task is None:  # else discord.py will say it
            client.dispatch("ready")
        lacking = lacking_members(client)
        if lacking:
            self._tasks.create_task(self._ask_for_members(lacking), name="member-chunks")

    async def _ask_for_members(self, guilds: Sequence[discord.Guild]) -> None:
        """Have the members sent that an earlier process had asked for when it died."""
        for guild in guilds:
            try:
                await with_timeout(guild.chunk(), CHUNK_TIMEOUT_S)
            except (discord.DiscordException, ConnectionError, TimeoutError) as error:
                log.warning("members.not_sent", guild_id=guild.id, error=type(error).__name__)
