"""One process, held so that its pid can't come to mean another: a pidfd (Linux 5.3 and later).

Elsewhere, and in sandboxes without the call, the identity is compared right before every use. That
is weaker by the moment between the comparison and the signal, and a death is seen by polling.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Self

import structlog

from watchdog.errors import SignalRefusedError
from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity
from watchdog.process import facts

POLL_S = 0.01

log = structlog.get_logger(__name__)


class ProcessHandle:
    """A process for its whole life; `close` it."""

    def __init__(self, who: Identity, pidfd: int | None) -> None:
        self.identity, self._pidfd = who, pidfd

    @classmethod
    def open(cls, pid: int) -> Self | None:
        """Answer a handle on the process *pid*, or None when there is none."""
        if pid <= 1:
            return None
        pidfd: int | None = None
        if hasattr(os, "pidfd_open"):
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                return None
            except OSError as error:  # a kernel or sandbox without the call, or no descriptors
                log.warning("pidfd.unavailable", error=error.strerror or str(error))
        # Read after opening: what the pidfd holds can't be younger than this.
        who = identity.read(pid)
        if who is None:
            if pidfd is not None:
                os.close(pidfd)
            return None
        return cls(who, pidfd)

    def fileno(self) -> int | None:
        """Answer the descriptor that becomes readable at the death, None where there is none."""
        return self._pidfd

    def ended(self) -> bool:
        """Answer whether the process has ended, reaped or not."""
        if self._pidfd is not None:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            return bool(poll.poll(0))
        seen = facts.read(self.identity.pid)
        return seen is None or seen.identity != self.identity or seen.run_state in ("Z", "X")

    def wait_end(self, timeout_s: float) -> bool:
        """Wait until the process has ended, at most *timeout_s*; answer whether it has."""
        if self._pidfd is not None:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            return bool(poll.poll(timeout_s * 1000))
        deadline_s = time.monotonic() + timeout_s
        while not self.ended():
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(POLL_S)
        return True

    def send(self, number: signal.Signals) -> bool:
        """Signal the process; answer False when it has ended before.

        Raises:
            SignalRefusedError: the kernel does not let us.
        """
        if self.ended():
            return False
        try:
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, number)
            else:
                os.kill(self.identity.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise SignalRefusedError(self.identity.pid, "not_permitted") from error
        return True

    def close(self) -> None:
        """Let go of the process."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
