"""What opening the database takes before it: imports that the first second had no time for."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog

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
    for module in modules:
        importing = asyncio.get_running_loop().run_in_executor(
            None, importlib.import_module, module
        )
        await asyncio.wait({importing})
        if importing.exception() is not None:
            log.warning("storage.import_failed", module=module)
