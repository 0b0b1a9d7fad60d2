"""Ready as soon as every guild that READY named has come.

discord.py's own task collects the guilds, requests chunks and dispatches `guild_available` and
`ready`; it waits `guild_ready_timeout` for one guild more. That number alone is changed: once no
guild can come any more it is a millisecond, until the next READY.
"""

from __future__ import annotations

from typing import Any

import discord

from bot.gateway.journal.state_events import as_id
from bot.gateway.readiness import GuildsAwaited

# Not 0: on Python 3.11 `wait_for` with 0 would throw away guilds that wait in the queue already.
NO_MORE_S = 0.001


class Arrivals:
    """Follows the guilds of one client's shards."""

    def __init__(self, client: discord.Client) -> None:
        self._state = client._connection
        self._patience_s = self._state.guild_ready_timeout
        self._awaited = GuildsAwaited()

    def before(self, name: str) -> None:
        """Prepare for an event that is about to be parsed."""
        if name == "READY":
            self._set(self._patience_s)

    def after(self, shard_id: int, name: str, data: Any) -> None:
        """Take note of an event that was parsed, or set aside."""
        if name not in ("READY", "GUILD_CREATE", "GUILD_DELETE") or not isinstance(data, dict):
            return
        if name == "READY":
            guilds = data.get("guilds")
            self._awaited.named(shard_id, _ids(guilds if isinstance(guilds, list) else []))
        else:
            for guild_id in _ids([data]):
                self._awaited.settled(shard_id, guild_id)
        if self._awaited.complete:
            self._set(min(NO_MORE_S, self._patience_s))

    def _set(self, timeout_s: float) -> None:
        # The client's own option, read by discord.py at every wait; there is no other seam.
        self._state.guild_ready_timeout = timeout_s


def _ids(guilds: list[Any]) -> list[int]:
    ids = [as_id(guild.get("id")) for guild in guilds if isinstance(guild, dict)]
    return [each for each in ids if each is not None]
