"""What opening the database takes before it: imports that the first second had no time for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog

from bot.imports import import_beside
from bot.storage.database import SQLITE_FILE

if TYPE_CHECKING:
    from bot.settings import BotSettings
    from bot.storage.opened import Opened

log = structlog.get_logger(__name__)


def opened_for(settings: BotSettings) -> Opened:
    """Answer the engines, not connected yet; for a thread, since it imports SQLAlchemy."""
    from bot.storage.opened import Opened

    url = settings.database_url.get_secret_value().strip()
    return Opened(url, settings.state_dir / SQLITE_FILE)


async def import_all(modules: Iterable[str]) -> None:
    """Import *modules* in threads; what can't be imported is told and left to whoever needs it."""
    for module in await import_beside(modules):
        log.warning("storage.import_failed", module=module)
