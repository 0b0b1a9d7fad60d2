"""A server that answers each connection with the parts it was given, whatever it is asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.fuzz.surface import Input

STALL = b"\0stall\0"  # as the last part: the connection stays open and nothing more comes
STALLED_S = 0.6
ENDLESS = b"\0endless\0"  # as the last part: the part before it, until the other side hangs up
MAX_ENDLESS_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Script:
    """What is answered now, and whether the server is to end."""

    parts: Input = ()
    closing: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def answering(listener: socket.socket, script: Script) -> Iterator[None]:
    """Serve *listener* from a thread until the block ends."""
    thread = threading.Thread(target=_serve, args=(listener, script), daemon=True)
    thread.start()
    try:
        yield
    finally:
        script.closing.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5.0)


def _serve(listener: socket.socket, script: Script) -> None:
    while not script.closing.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(STALLED_S)
            _answer(connection, script)


def _answer(connection: socket.socket, script: Script) -> None:
    connection.recv(65536)  # what is asked fits in one piece, and is of no interest
    parts = script.parts
    if parts[-1:] == (ENDLESS,):
        for _ in range(MAX_ENDLESS_BYTES // max(1, len(parts[-2]))):
            connection.sendall(parts[-2])
        return
    for part in parts:
        if part == STALL:
            connection.recv(1)  # until the other side has had enough
            return
        connection.sendall(part)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):  # closing with unread input would reset what was sent
        pass
