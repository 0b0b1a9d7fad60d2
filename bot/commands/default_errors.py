"""Notices the errors that discord.py's own error handlers log, and nobody else handles."""

from __future__ import annotations

import logging
from collections.abc import Callable

_LOGGERS = ("discord.app_commands.tree", "discord.ui.modal", "discord.ui.view")


class DefaultErrors(logging.Filter):
    """Hand errors to *take_over*; a record of one that it takes is dropped, having been told."""

    def __init__(self, take_over: Callable[[BaseException], bool]) -> None:
        super().__init__()
        self._take_over = take_over

    def install(self) -> None:
        """Look at the records of discord.py's command tree, views and modals."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Look at them no longer."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Answer whether the record should still be logged."""
        error = record.exc_info[1] if record.exc_info else None
        return error is None or not self._take_over(error)
