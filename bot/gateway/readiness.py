"""Which guilds READY named that have not come yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable


class GuildsAwaited:
    """Guilds that READY named, shard by shard.

    discord.py waits 2 s after the last guild for another one; READY names them all, so the
    last one can be told. A shard that is not ready yet is not waited for: its READY comes first.
    """

    def __init__(self) -> None:
        self._awaited: dict[int, set[int]] = {}

    @property
    def complete(self) -> bool:
        """Whether no shard that is ready awaits a guild any more."""
        return not any(self._awaited.values())

    def named(self, shard_id: int, guild_ids: Iterable[int]) -> None:
        """Note the guilds that READY of *shard_id* named, in place of what was awaited before."""
        self._awaited[shard_id] = set(guild_ids)

    def settled(self, shard_id: int, guild_id: int) -> None:
        """Note that a guild came, is gone or is unavailable; no matter whether it was awaited."""
        self._awaited.get(shard_id, set()).discard(guild_id)
