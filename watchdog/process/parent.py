"""End with the parent: a watchdog whose supervisord died must not act beside the next one."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import structlog

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

log = structlog.get_logger(__name__)


class Parent:
    """The process that started this one; `gone` where the kernel sends no word of its death.

    Args:
        pid: The parent as it was when the process began, before anything else was done.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
                log.warning("parent.death_signal_refused", errno=ctypes.get_errno())

    def gone(self) -> bool:
        """Answer whether the parent has died; also true if it died before the signal was set."""
        return os.getppid() != self.pid
