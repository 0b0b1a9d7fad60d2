"""Which invites lead to the guild itself: asked of Discord, and remembered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import aiohttp
import discord
import structlog

log = structlog.get_logger(__name__)

FRESH_S = 60.0  # an unknown code makes us ask again, once in that time


class OwnInvites:
    """Codes by guild; of guilds in which invites were posted only."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._codes: dict[int, set[str]] = {}
        self._asked_at_s: dict[int, float] = {}

    def known(self, guild: discord.Guild, codes: Iterable[str]) -> frozenset[str] | None:
        """Answer the guild's own codes if they suffice to judge *codes* by, None to `load` them."""
        own = self._codes.get(guild.id, set())
        asked_at_s = self._asked_at_s.get(guild.id)
        is_stale = asked_at_s is None or self._clock() - asked_at_s > FRESH_S
        if is_stale and not all(code in own for code in codes):
            return None
        return frozenset(own)

    async def load(self, guild: discord.Guild) -> None:
        """Ask Discord; where it does not answer, what is known has to do."""
        own = self._codes.setdefault(guild.id, set())
        if guild.vanity_url_code:
            own.add(guild.vanity_url_code.casefold())
        try:
            own.update([invite.code for invite in await guild.invites()])
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("invites.not_known", guild_id=guild.id, error=type(error).__name__)
        self._asked_at_s[guild.id] = self._clock()

    def add(self, guild_id: int, code: str) -> None:
        """Somebody made an invite."""
        if guild_id in self._codes:
            self._codes[guild_id].add(code)

    def forget(self, guild_id: int, code: str | None = None) -> None:
        """An invite is gone, or the guild with all of them."""
        if code is not None:
            self._codes.get(guild_id, set()).discard(code)
        else:
            self._codes.pop(guild_id, None)
            self._asked_at_s.pop(guild_id, None)
