"""Have a stuck process write the stack of every thread (faulthandler on SIGUSR1).

The handler is C code and needs no interpreter lock, so it works on a process that holds it for
ever. The dump is appended to the bot's `logs/bot.stacks.log`.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from watchdog.process.handle import ProcessHandle

WAIT_S = 0.3
POLL_S = 0.01
QUIET_POLLS = 3  # polls in a row without growth: the dump is whole
MAX_TAIL_BYTES = 16 * 1024


def take(handle: ProcessHandle, path: Path, *, wait_s: float = WAIT_S) -> str:
    """Answer what the process appends to *path* within *wait_s*; empty when it does not.

    Raises:
        SignalRefusedError: the kernel does not let us signal it.
    """
    before = _size(path)
    if not handle.send(signal.SIGUSR1):
        return ""
    deadline_s = time.monotonic() + wait_s
    size, quiet = before, 0
    while time.monotonic() < deadline_s and quiet < QUIET_POLLS:
        if handle.wait_end(POLL_S):
            break
        now = _size(path)
        quiet = quiet + 1 if now == size and now > before else 0
        size = now
    return _read_from(path, before)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read_from(path: Path, offset: int) -> str:
    """Answer *path* from *offset* on, its last part if that is long."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(path, flags), "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(min(offset, size), size - MAX_TAIL_BYTES))
            return stream.read(MAX_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
