"""`services.guilds`: the settings of all guilds, each read once and then known.

One process serves an installation, so what is in memory is what is in the database. Prefixes lie in
a small file as well: they are needed for the first message, before the database is open.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from bot.guilds.model import NAMES, GuildSettings
from bot.storage.errors import StorageError
from watchdog.heartbeat import file
from watchdog.heartbeat.decoder import HeartbeatError

if TYPE_CHECKING:
    from bot.services import Services

log = structlog.get_logger(__name__)

PREFIXES = "prefixes.json"
MAX_BYTES = 4 * 1024 * 1024
MAX_KNOWN = 10_000
MAX_PREFIX = 8
AGAIN_S = 5.0

OnChange = Callable[[GuildSettings], None]


class GuildSettingsStore:
    """Reads and changes settings; all but `known` and `prefix_of` may raise `StorageError`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[int, GuildSettings] = {}
        self._path = services.settings.state_dir / PREFIXES
        self._prefixes = _read_prefixes(self._path)
        self._changing = asyncio.Lock()
        self._loading: dict[int, asyncio.Task[None]] = {}
        self._listeners: list[OnChange] = []
        services.storage.preload("bot.guilds.rows")

    def prefix_of(self, guild_id: int) -> str | None:
        """Answer a guild's own prefix, None without one; never waits."""
        return self._prefixes.get(guild_id)

    def known(self, guild_id: int) -> GuildSettings | None:
        """Answer the settings if they are in memory, and have them read otherwise; never waits."""
        found = self._known.get(guild_id)
        if found is None and guild_id not in self._loading:
            # In a context of its own: the event that asks is not what it is read for.
            self._loading[guild_id] = contextvars.Context().run(self._begin_to_load, guild_id)
        return found

    async def of(self, guild_id: int) -> GuildSettings:
        """Answer the settings of a guild; one that has set nothing has the defaults."""
        found = self._known.get(guild_id)
        if found is None:
            await self._services.storage.opened()
            from bot.guilds import rows

            read = await self._services.storage.read(lambda session: rows.find(session, guild_id))
            # Somebody may have changed them while they were read.
            found = self._known.get(guild_id) or self._keep(
                read or GuildSettings(guild_id=guild_id)
            )
        return found

    async def change(self, guild_id: int, **changes: Any) -> GuildSettings:
        """Set what *changes* names; answers all settings, which are on disk by then.

        Raises:
            ValueError: a name is none of `GuildSettings`.
        """
        unknown = sorted(changes.keys() - NAMES)
        if unknown:
            raise ValueError(f"a guild has no setting {unknown[0]!r}")
        await self._services.storage.opened()
        from bot.guilds import rows

        async with self._changing:
            changed = replace(await self.of(guild_id), **changes)
            now = datetime.now(UTC)
            # Until it is kept: whoever is cut off here may or may not have changed it.
            self._known.pop(guild_id, None)
            await self._services.storage.write(lambda session: rows.keep(session, changed, now))
            self._keep(changed)
        if "prefix" in changes:
            self._note_prefix(changed)
        for listener in tuple(self._listeners):
            listener(changed)
        return changed

    def forget(self) -> None:
        """Another process may have led meanwhile, and changed what is known here."""
        self._known.clear()
        self._prefixes = _read_prefixes(self._path)

    def on_change(self, listener: OnChange) -> Callable[[], None]:
        """Call *listener* with settings that changed; answers a function that ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _keep(self, settings: GuildSettings) -> GuildSettings:
        self._known.pop(settings.guild_id, None)
        self._known[settings.guild_id] = settings
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return settings

    def _begin_to_load(self, guild_id: int) -> asyncio.Task[None]:
        return self._services.tasks.create_task(self._load(guild_id), name="guild-settings")

    async def _load(self, guild_id: int) -> None:
        try:
            settings = await self.of(guild_id)
        except StorageError as error:
            log.debug("guild_settings.not_read", guild=guild_id, problem=error.advice)
            await asyncio.sleep(AGAIN_S)  # not at each message of a guild that talks
        else:
            self._correct_prefix(settings)
        finally:
            self._loading.pop(guild_id, None)

    def _correct_prefix(self, settings: GuildSettings) -> None:
        """The file of prefixes may be of another day than the database, as after a restore."""
        if self._prefixes.get(settings.guild_id) != settings.prefix:
            self._note_prefix(settings)

    def _note_prefix(self, settings: GuildSettings) -> None:
        if settings.prefix:
            self._prefixes[settings.guild_id] = settings.prefix
        else:
            self._prefixes.pop(settings.guild_id, None)
        try:
            file.write(self._path, orjson.dumps({str(k): v for k, v in self._prefixes.items()}))
        except OSError as error:
            log.warning("prefixes.not_written", error=type(error).__name__)


def _read_prefixes(path: Any) -> dict[int, str]:
    try:
        document = orjson.loads(file.read(path, max_bytes=MAX_BYTES))
    except (OSError, HeartbeatError, orjson.JSONDecodeError):
        return {}
    found = {}
    for key, prefix in document.items() if isinstance(document, dict) else ():
        if key.isascii() and key.isdigit() and len(key) <= 20 and isinstance(prefix, str):
            found[int(key)] = prefix[:MAX_PREFIX]
    return {guild_id: prefix for guild_id, prefix in found.items() if prefix.strip()}
