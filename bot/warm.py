"""What a leader imports in its first seconds: a spare has it before it leads.

A takeover is no time for an import: it keeps the loop, or a thread of it the interpreter, while
somebody waits for an answer. A test of the real system keeps these lists true.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.settings import BotSettings

OWN_PLUGINS = "bot.plugins."
ANY_BOT = (
    "bot.commands.safety",
    "bot.commands.stats",
    "bot.effects.once",
    "bot.gateway.journal.merging",
    "bot.gateway.journal.shard",
    "bot.gateway.journal.store",
    "bot.gateway.recall",
    "bot.outbound.client",
    "bot.storage.claims",
    "bot.tasks.bridge",
    "bot.tasks.guard",
    "bot.tasks.jobs",
    "sqlite3",
)
OWN_BOT = (
    "bot.background.background",
    "bot.guilds.store",
    "bot.moderation.cases",
    "bot.storage.nightly",
    "bot.timers.timers",
)
ITS_DATABASE = (
    "bot.background.store",
    "bot.guilds.rows",
    "bot.moderation.store",
    "bot.timers.store",
)


def first(settings: BotSettings) -> Iterator[str]:
    """Answer what a leader can't serve without."""
    yield from ANY_BOT
    if not settings.bot_factory:
        yield from settings.plugins
        yield from OWN_BOT


def ours(settings: BotSettings) -> Iterator[str]:
    """Answer those of `first` that are written by us: a thread may import them, beside the loop."""
    yield from (plugin for plugin in settings.plugins if plugin.startswith(OWN_PLUGINS))
    yield from OWN_BOT


def later(settings: BotSettings) -> Iterator[str]:
    """Answer what our own bot imports once it serves."""
    if not settings.bot_factory:
        for plugin in settings.plugins:
            yield from _parts(plugin)
        yield from ITS_DATABASE


def database(settings: BotSettings) -> None:
    """Do what the first question begins with: drivers, tables. Nothing is connected."""
    from bot.storage.opening import opened_for

    opened_for(settings)


def _parts(plugin: str) -> Iterator[str]:
    """Answer all modules of a plugin of ours: some are imported when the database is open.

    Those of others stay as they are: a module may be a script.
    """
    spec = find_spec(plugin) if plugin.startswith(OWN_PLUGINS) else None
    for folder in (spec and spec.submodule_search_locations) or ():
        yield from (f"{plugin}.{found.name}" for found in pkgutil.iter_modules([folder]))
