"""What an earlier process left of a client's sessions, and the journal that goes on with it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import structlog

from bot.gateway.journal import files
from bot.gateway.journal.fingerprint import fingerprint
from bot.gateway.journal.keeper import SessionJournal
from bot.gateway.journal.reading import Saved, Unusable
from bot.gateway.restore import RestoreError
from bot.gateway.warm_cache import WarmCache
from watchdog.heartbeat.schema import BEAT_FILES

if TYPE_CHECKING:
    import discord

    from bot.settings import BotSettings
    from watchdog.heartbeat import schema

log = structlog.get_logger(__name__)

BYTES_PER_MB = 1024 * 1024
# Discord publishes no number ("a few minutes"); a RESUME that is refused costs seconds of waiting.
SESSION_WINDOW_S = 900.0


class Recall:
    """Reads the journals in a thread, restores the cache from them, and keeps them from then on.

    Attributes:
        journal: Takes note of what comes from now on.
        missing_s: Seconds before this start of which no event will come, by shard.
    """

    def __init__(self, client: discord.Client, settings: BotSettings, *, token: str) -> None:
        self.missing_s: dict[int, float] = {}
        self._folder = settings.state_dir
        self._alive_at_s = 0.0
        self._fingerprint = fingerprint(
            token=token, intents=client.intents.value, api_url=settings.discord_api_url
        )
        self._found: Mapping[int, Saved | Unusable] = {}
        self._cache = WarmCache(client, settings.state_dir, self._fingerprint)
        self.journal = SessionJournal(
            settings.state_dir,
            fingerprint=self._fingerprint,
            max_bytes=settings.journal_max_mb * BYTES_PER_MB,
            max_events=settings.journal_max_events,
        )

    def look(self) -> None:
        """Note when a leader was last seen alive; before this process beats in its place."""
        with contextlib.suppress(OSError):  # none was
            self._alive_at_s = (self._folder / BEAT_FILES["leader"]).stat().st_mtime

    async def follow(self) -> None:
        """Keep the cache close to the leader's, for a spare."""
        await self._cache.follow()

    async def load(self) -> None:
        """Read what is there; the last word has who leads, since nobody else writes it then."""
        self._found = await self._cache.load()

    @property
    def shard_count(self) -> int | None:
        """How many shards the sessions were made for, None when they do not agree."""
        counts = {
            found.session.shard_count for found in self._found.values() if isinstance(found, Saved)
        }
        return counts.pop() if len(counts) == 1 else None

    async def restore(
        self, shard_ids: Collection[int], shard_count: int | None
    ) -> dict[int, Saved]:
        """Answer what can be continued, the client's cache restored to it, by shard."""
        saved: dict[int, Saved] = {}
        for shard_id in shard_ids:
            found = self._found.get(shard_id)
            reason = self._reason_against(found, shard_count)
            if isinstance(found, Saved) and reason is None:
                saved[shard_id] = found
            elif found is not None:
                self._pass_over(shard_id, found, reason or "unusable")
        if not saved:
            if self._cache.is_filled:
                self._cache.forget()
            return {}
        try:
            await self._cache.apply(saved, is_partial=len(saved) < len(shard_ids))
        except RestoreError:  # logged where it was raised; the cache is empty again
            for shard_id, found in saved.items():
                self._pass_over(shard_id, found, "not_restored")
            return {}
        self.journal.continue_from(saved)
        for shard_id in self._found.keys() - set(shard_ids):
            files.remove(files.path_of(self._folder, shard_id))  # of a shard that is no more
        return saved

    def facts(self) -> schema.JournalFacts:
        """Answer what the heartbeat says of the journal; from any thread."""
        return self.journal.facts()

    async def close(self, *, clean: bool) -> None:
        """Write what is waiting, and end; *clean*: what is unfinished harmed nobody."""
        await self.journal.close(clean=clean)

    def _reason_against(
        self, found: Saved | Unusable | None, shard_count: int | None
    ) -> str | None:
        if not isinstance(found, Saved):
            return None if found is None else found.reason
        if found.session.shard_count != shard_count:
            return "shard_count"
        alive_at_s = max(found.marks.received_at_s, self._alive_at_s)
        return "too_old" if time.time() - alive_at_s > SESSION_WINDOW_S else None

    def _pass_over(self, shard_id: int, found: Saved | Unusable, reason: str) -> None:
        heard_at_s = found.marks.received_at_s if isinstance(found, Saved) else found.received_at_s
        missing_s = None if heard_at_s is None else max(0.0, time.time() - heard_at_s)
        if missing_s is not None:
            self.missing_s[shard_id] = missing_s
        log.warning(
            "session.not_continued",
            shard_id=shard_id,
            reason=reason,
            missing_s=None if missing_s is None else round(missing_s, 1),
        )
