"""Logging of the bot process: `logs/bot.jsonl`, with the token struck out wherever it turns up."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import structlog

from watchdog.heartbeat import records
from watchdog.heartbeat.redaction import SECRETS

if TYPE_CHECKING:
    from bot.settings import BotSettings

log = structlog.get_logger(__name__)


@contextlib.contextmanager
def recording(settings: BotSettings) -> Iterator[None]:
    """Write the log records of this process until the block ends."""
    # discord.py 2.7.1 imports audioop on Python 3.11 and 3.12; the warning says nothing to anybody.
    warnings.filterwarnings("ignore", ".audioop. is deprecated", DeprecationWarning)
    SECRETS.add(settings.discord_token.get_secret_value().strip())
    SECRETS.add_url(settings.database_url.get_secret_value().strip(), path_is_secret=False)
    path = settings.log_dir / "bot.jsonl"
    with records.recording(path, level=settings.log_level):
        try:
            yield
        except Exception as error:
            log.critical("process.crashed", error=type(error).__name__, exc_info=True)
            raise
