"""Who listens on a unix socket, by the kernel's word: a pid file may name anybody."""

from __future__ import annotations

import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

CONNECT_LIMIT_S = 1.0
RETRY_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Somebody listens; *pid* is None where the system does not say who."""

    pid: int | None


def find(path: Path) -> Listener | None:
    """Answer who listens on *path*, or None for a stale socket or none at all."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(CONNECT_LIMIT_S)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except (BlockingIOError, TimeoutError):  # the backlog is full: it lives, and is frozen
            return Listener(pid=None)
        if sys.platform != "linux":
            return Listener(pid=None)
        # unix(7): struct ucred (pid, uid, gid) of whoever called listen()
        raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return Listener(pid=struct.unpack("3i", raw)[0])


def wake(path: Path, *, within_s: float) -> bool:
    """Connect to *path* once somebody listens; answer whether that came in time.

    supervisord looks at its programs once a second, and at once when somebody connects.
    """
    deadline_s = time.monotonic() + within_s
    while find(path) is None:
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(RETRY_S)
    return True
