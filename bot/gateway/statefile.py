"""Small state files, read and written in a thread: a slow disk never holds the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from bot.tasks.timeouts import with_timeout
from watchdog.heartbeat import file
from watchdog.heartbeat.schema import MAX_BYTES, HeartbeatError

log = structlog.get_logger(__name__)

DISK_TIMEOUT_S = 2.0


class StateFile:
    """One file of the state folder; what the disk refuses is logged once, never raised."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path, self._max_bytes, self._warned = path, max_bytes, False

    async def read(self) -> bytes | None:
        """Answer the content, None when there is none, nothing when it can't be read."""
        try:
            read = asyncio.to_thread(file.read, self._path, max_bytes=self._max_bytes)
            return await with_timeout(read, DISK_TIMEOUT_S)
        except FileNotFoundError:
            return None
        except (OSError, HeartbeatError) as error:
            self._warn("state_file.unreadable", error)
            return b""

    async def write(self, raw: bytes) -> None:
        """Replace the content, or go on without."""
        await self._change(lambda: file.write(self._path, raw))

    async def remove(self) -> None:
        """Remove the file if it is there."""
        await self._change(lambda: self._path.unlink(missing_ok=True))

    async def _change(self, change: Callable[[], None]) -> None:
        try:
            await with_timeout(asyncio.to_thread(change), DISK_TIMEOUT_S)
        except OSError as error:  # a TimeoutError is one too
            self._warn("state_file.unwritten", error)

    def _warn(self, event: str, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            log.warning(event, file=self._path.name, error=type(error).__name__)
