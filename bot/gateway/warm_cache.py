"""A client's cache, filled from the journal: at once by a new process, or bit by bit by a spare.

A spare follows the leader's journal while it waits, so that the cache of a large bot, which takes
a second to fill, costs a takeover nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import discord
import structlog

from bot.gateway.journal import following, reading
from bot.gateway.journal.following import Position
from bot.gateway.journal.reading import Saved, Unusable
from bot.gateway.restore import RestoreError, follow, restore

log = structlog.get_logger(__name__)


class WarmCache:
    """Knows how far the cache of one client follows the journals."""

    def __init__(self, client: discord.Client, folder: Path, fingerprint: str) -> None:
        self._client, self._folder, self._fingerprint = client, folder, fingerprint
        self._at: dict[int, Position] = {}

    async def load(self) -> Mapping[int, Saved | Unusable]:
        """Answer what the journals hold, by shard; of those that are followed, what is new."""
        if self._at:
            found = await asyncio.to_thread(
                following.load_since, self._folder, self._fingerprint, self._at
            )
            if all(isinstance(each, Saved) for each in found.values()):
                return found
            self.forget()
        return await asyncio.to_thread(reading.load, self._folder, self._fingerprint)

    async def apply(self, saved: Mapping[int, Saved], *, is_partial: bool = False) -> None:
        """Bring the cache to what `load` answered for these shards.

        Raises:
            RestoreError: an event can't be parsed; the cache is empty.
        """
        # Whatever breaks this off leaves a cache of which nobody knows what it holds.
        at, self._at = self._at, {}
        if at:
            await follow(self._client, saved)
        else:
            await restore(self._client, saved, is_partial=is_partial)
        self._at = {shard_id: Position.of(each) for shard_id, each in saved.items()}

    async def follow(self) -> None:
        """Come closer to the leader; called by a spare now and then."""
        shard_count: int | None = self._client.shard_count
        if isinstance(self._client, discord.AutoShardedClient) and shard_count is None:
            return  # whose guilds are whose is known once it leads
        found = await self.load()
        saved = {key: each for key, each in found.items() if isinstance(each, Saved)}
        if not saved or len(saved) < len(found):
            return
        try:
            await self.apply(saved)
        except RestoreError:
            self.forget()

    @property
    def is_filled(self) -> bool:
        """Whether the cache holds what a journal told."""
        return bool(self._at)

    def forget(self) -> None:
        """Empty the cache: there is another session, or it is of no use."""
        self._at = {}
        self._client._connection.clear(views=False)
