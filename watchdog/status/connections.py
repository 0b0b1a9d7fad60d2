"""All connections of the status server, in one thread: bounded in number, memory and time.

A thread for each client would let clients decide how many threads there are. Here a slow client
costs one socket and at most `MAX_HEAD_BYTES`, until its time is up or a newer client needs its
place.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable
from typing import Literal

from watchdog.status.request import MAX_HEAD_BYTES, Refusal, Request, Status, is_whole, parse

MAX_CONNECTIONS = 64
ACCEPTED_PER_TURN = 16  # before those that are there get their turn
HEAD_TIMEOUT_S = 5.0
SEND_TIMEOUT_S = 10.0
DRAIN_TIMEOUT_S = 1.0
CHUNK_BYTES = 4096
PAUSE_S = 0.05  # while the process has no descriptor left; else the listener would spin

Respond = Callable[[Request | Refusal], bytes]


class Connection:
    """One client: its head is read, then the answer is sent, then what it still sends is drained.

    Draining matters: closing a socket with unread input resets it, and the client may lose the
    answer (RFC 9112, 9.6).
    """

    __slots__ = ("deadline_s", "phase", "received", "sock", "to_send")

    def __init__(self, sock: socket.socket, *, deadline_s: float) -> None:
        self.sock, self.deadline_s = sock, deadline_s
        self.phase: Literal["head", "send", "drain"] = "head"
        self.received = bytearray()
        self.to_send = memoryview(b"")


class Connections:
    """Serve *listener*; `turn` is the single step, everything happens in the caller's thread."""

    def __init__(
        self,
        listener: socket.socket,
        respond: Respond,
        *,
        max_connections: int = MAX_CONNECTIONS,
        head_timeout_s: float = HEAD_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener, self._respond, self._clock = listener, respond, clock
        self._max_connections, self._head_timeout_s = max_connections, head_timeout_s
        self._open: dict[socket.socket, Connection] = {}  # oldest first
        self._waker, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for watched in (listener, self._woken):
            watched.setblocking(False)
            self._selector.register(watched, selectors.EVENT_READ)

    def __len__(self) -> int:
        return len(self._open)

    def wake(self) -> None:
        """End a turn that waits, from any thread."""
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def turn(self, timeout_s: float) -> None:
        """Wait up to *timeout_s* for something to happen, and do what it asks for."""
        for key, _ in self._selector.select(min(timeout_s, self._next_deadline_s())):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._woken:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(CHUNK_BYTES)
            elif isinstance(key.data, Connection) and key.data.sock in self._open:
                self._advance(key.data)
        now_s = self._clock()
        for connection in [c for c in self._open.values() if c.deadline_s <= now_s]:
            self._close(connection)

    def close(self) -> None:
        """Close every connection and the listener."""
        for connection in list(self._open.values()):
            self._close(connection)
        self._selector.close()
        for own in (self._listener, self._waker, self._woken):
            own.close()

    def _next_deadline_s(self) -> float:
        earliest_s = min((c.deadline_s for c in self._open.values()), default=float("inf"))
        return max(0.0, earliest_s - self._clock())

    def _accept(self) -> None:
        for _ in range(ACCEPTED_PER_TURN):
            try:
                sock, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptor is left, or the client is gone again
                self._close_oldest()
                time.sleep(PAUSE_S)
                return
            sock.setblocking(False)
            if len(self._open) >= self._max_connections:
                self._close_oldest()
            connection = Connection(sock, deadline_s=self._clock() + self._head_timeout_s)
            self._open[sock] = connection
            self._selector.register(sock, selectors.EVENT_READ, connection)

    def _close_oldest(self) -> None:
        """Make room: of those that have not even asked, else of all, the oldest is closed."""
        asking = (c for c in self._open.values() if c.phase == "head")
        oldest = next(asking, None) or next(iter(self._open.values()), None)
        if oldest is not None:
            self._close(oldest)

    def _advance(self, connection: Connection) -> None:
        try:
            match connection.phase:
                case "head":
                    self._read_head(connection)
                case "send":
                    self._send(connection)
                case "drain":
                    if not connection.sock.recv(CHUNK_BYTES):
                        self._close(connection)
        except BlockingIOError:
            return
        except OSError:  # reset by the client
            self._close(connection)

    def _read_head(self, connection: Connection) -> None:
        part = connection.sock.recv(CHUNK_BYTES)
        if not part:
            self._close(connection)
            return
        connection.received += part
        if is_whole(connection.received):
            self._answer(connection, parse(connection.received))
        elif len(connection.received) > MAX_HEAD_BYTES:
            too_large = Status.REQUEST_HEADER_FIELDS_TOO_LARGE
            self._answer(connection, Refusal(status=too_large))

    def _answer(self, connection: Connection, request: Request | Refusal) -> None:
        connection.received = bytearray()
        connection.to_send = memoryview(self._respond(request))
        connection.phase, connection.deadline_s = "send", self._clock() + SEND_TIMEOUT_S
        self._selector.modify(connection.sock, selectors.EVENT_WRITE, connection)
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        sent = connection.sock.send(connection.to_send)
        connection.to_send = connection.to_send[sent:]
        if not connection.to_send:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.phase, connection.deadline_s = "drain", self._clock() + DRAIN_TIMEOUT_S
            self._selector.modify(connection.sock, selectors.EVENT_READ, connection)

    def _close(self, connection: Connection) -> None:
        if self._open.pop(connection.sock, None) is not None:
            self._selector.unregister(connection.sock)
            connection.sock.close()
