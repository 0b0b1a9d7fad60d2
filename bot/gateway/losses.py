"""Sessions that were lost, and the messages that are fetched for them once a new one serves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from bot.tasks.manager import TaskManager


class Losses:
    """Remembers since when which channels have not been heard, shard by shard."""

    def __init__(self, client: discord.Client, tasks: TaskManager, *, limit: int) -> None:
        """*limit*: messages to fetch in each channel; 0 fetches none."""
        self._client, self._tasks, self._limit = client, tasks, limit
        self._lost: dict[int, tuple[Mapping[int, int], float]] = {}

    def note(self, shard_id: int, missing_s: float | None) -> None:
        """Note that events of the last *missing_s* seconds will not come; None: nobody knows."""
        if self._limit and missing_s is not None and shard_id not in self._lost:
            # READY will clear the cache, which tells what was seen last in each channel.
            since = dict(self._last_messages())
            self._lost[shard_id] = since, time.time() - missing_s

    def make_good(self) -> None:
        """Fetch what was missed, in tasks of their own; called whenever the client is ready."""
        if not self._lost:
            return
        from bot.gateway.catch_up import catch_up

        lost, self._lost = self._lost, {}
        sharded = isinstance(self._client, discord.AutoShardedClient)
        for shard_id, (since, lost_at_s) in lost.items():
            fetching = catch_up(
                self._client,
                since,
                lost_at_s,
                self._limit,
                shard_id=shard_id if sharded else None,
            )
            self._tasks.create_task(fetching, name=f"catch-up-{shard_id}")

    def _last_messages(self) -> Iterator[tuple[int, int]]:
        for guild in self._client.guilds:
            for channel in (*guild.channels, *guild.threads):
                message_id = getattr(channel, "last_message_id", None)
                if message_id is not None:
                    yield channel.id, message_id
