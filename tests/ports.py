"""Ports for tests: below those that the kernel gives out by itself.

A port that was free a moment ago, picked from the kernel's own range, may be the next one that it
gives to somebody else's connection or server.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket

FIRST, COUNT = 20_000, 12_000
# Test processes that run beside each other begin far apart.
_numbers = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """Answer a port of loopback where nobody listens; each is answered once in a process."""
    for number in itertools.islice(_numbers, COUNT):
        port = FIRST + number % COUNT
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no free port from {FIRST} to {FIRST + COUNT}")
