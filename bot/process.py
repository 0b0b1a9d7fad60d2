"""What this process arranges with the operating system: stack dumps and its parent's death."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
MAX_STACKS_BYTES = 1024 * 1024


def dump_stacks_on_sigusr1(path: Path) -> None:
    """Write every thread's stack to *path* on SIGUSR1, even while the GIL is held elsewhere."""
    if path.exists() and path.stat().st_size > MAX_STACKS_BYTES:
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    faulthandler.enable(descriptor)
    faulthandler.register(signal.SIGUSR1, descriptor, all_threads=True)


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies, so that supervisord leaves no orphan.

    Only under supervisord, which says so in the environment; elsewhere a parent may end first.
    """
    if sys.platform != "linux" or "SUPERVISOR_ENABLED" not in os.environ:
        return
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_PDEATHSIG): {os.strerror(error)}")
    if os.getppid() != parent:  # it died before the kernel knew our wish
        os.kill(os.getpid(), signal.SIGTERM)
