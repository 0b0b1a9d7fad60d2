"""Who serves: one leader per state folder, by a lock that the kernel gives back at any death."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import structlog

from bot.errors import TemporaryError

log = structlog.get_logger(__name__)

POLL_S = 0.05


class Leadership(Protocol):
    """The right to serve; a lease in a database can take the lock's place."""

    async def acquire(self, timeout_s: float) -> None:
        """Answer once this process leads; raises `TemporaryError` when it does not within time."""

    def release(self) -> None:
        """Give it back."""


class FileLeadership:
    """Leadership by `flock` on *path*, close-on-exec, held for life (flock(2))."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def try_acquire(self) -> bool:
        """Answer whether this process leads now."""
        if self._descriptor is not None:
            return True
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return True

    def holder(self) -> str:
        """Answer the pid the lock file names, for people; a pid there proves nothing."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            with self._path.open("rb") as file:
                text = file.read(16).decode().strip()
            if text.isdecimal():
                return text
        return "unknown"

    async def acquire(self, timeout_s: float) -> None:
        """Wait until this process leads.

        Raises:
            TemporaryError: another process still leads after *timeout_s* seconds.
        """
        deadline_s = self._clock() + timeout_s
        told = False
        while not self.try_acquire():
            if not told:
                log.warning("leadership.awaited", holder=self.holder(), timeout_s=timeout_s)
                told = True
            if self._clock() >= deadline_s:
                raise TemporaryError("another_leader", retry_at_s=time.time() + 10)
            await asyncio.sleep(POLL_S)
        log.info("leadership.acquired")

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it would split the lock in two."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
