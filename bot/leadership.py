"""Who serves: one leader per state folder, by a lock that the kernel gives back at any death."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import structlog

from bot.errors import TemporaryError

log = structlog.get_logger(__name__)

POLL_S = 0.05
GLANCE_S = 0.01


class Leadership(Protocol):
    """The right to serve; a lease in a database can take the lock's place."""

    async def acquire(self, timeout_s: float) -> None:
        """Answer once this process leads; raises `TemporaryError` when it does not within time."""

    async def wait(self) -> None:
        """Answer once this process leads, however long that takes."""

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

    @property
    def is_held(self) -> bool:
        """Whether this process leads."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Answer whether this process leads now."""
        if self._descriptor is not None:
            return True
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self._keep(descriptor)
        return True

    def lead_if_free(self) -> bool:
        """Answer whether this process leads; where locks are not known it does, without one."""
        try:
            return self.try_acquire()
        except OSError as error:
            log.warning("leadership.unsupported", error=os.strerror(error.errno or 0))
            self._keep(self._open())
            return True

    async def lead_if_free_soon(self) -> bool:
        """Answer whether this process leads, a moment later at the latest."""
        if self.lead_if_free():
            return True
        await asyncio.sleep(GLANCE_S)  # a spare that looks whether anybody leads holds it that long
        return self.lead_if_free()

    def is_taken(self) -> bool:
        """Answer whether another process leads.

        Raises:
            OSError: the file system knows no such lock.
        """
        descriptor = self._open()
        try:
            # Shared: two that look at the same time see nobody, instead of each other.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def is_supported(self) -> bool:
        """Answer whether the file system knows such locks at all."""
        try:
            self.is_taken()
        except OSError as error:
            log.warning("leadership.unsupported", error=os.strerror(error.errno or 0))
            return False
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

    async def wait(self) -> None:
        """Wait in the kernel, which hands the lock over in the moment in which its holder ends.

        Raises:
            OSError: the file system knows no such lock.
        """
        if self._descriptor is not None:
            return
        loop, descriptor = asyncio.get_running_loop(), self._open()
        acquired: asyncio.Future[None] = loop.create_future()

        def answer(error: OSError | None) -> None:
            if acquired.cancelled():  # nobody waits any more: whoever waits next is to have it
                os.close(descriptor)
            elif error is not None:
                os.close(descriptor)
                acquired.set_exception(error)
            else:
                acquired.set_result(None)

        def block() -> None:
            error = None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except OSError as refused:
                error = refused
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                loop.call_soon_threadsafe(answer, error)

        # A daemon: nothing can wake it but the lock, so nobody may wait for its end.
        threading.Thread(target=block, name="leadership", daemon=True).start()
        try:
            await acquired
        except asyncio.CancelledError:
            if not acquired.cancelled() and acquired.exception() is None:  # in this very turn
                os.close(descriptor)
            raise
        self._keep(descriptor)
        log.info("leadership.acquired")

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it would split the lock in two."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._path, flags, 0o600)

    def _keep(self, descriptor: int) -> None:
        """Hold the lock that *descriptor* has, and name this process in the file, for people."""
        self._descriptor = descriptor
        with contextlib.suppress(OSError):  # a full disk takes no name, and must not take the lead
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
