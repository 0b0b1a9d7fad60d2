"""A webhook on loopback that answers as a test tells it to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

PATIENCE_S = 20.0


def until(condition: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> bool:
    """Answer whether *condition* became true in time."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


@dataclass(slots=True)
class Webhook:
    """Answer each call with the next of *answers*, with the last one from then on.

    Attributes:
        answers: Raw HTTP answers; an empty one closes the connection without a word.
        bodies: What was posted, decoded.
    """

    answers: list[bytes]
    port: int = 0
    bodies: list[Any] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    drip_s: float = 0.0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """The address alerts go to; the path stands for a webhook's token."""
        return f"http://127.0.0.1:{self.port}/api/webhooks/1/very-secret-token"

    @property
    def titles(self) -> list[list[str]]:
        """The titles of each message's embeds."""
        return [[embed["title"] for embed in body["embeds"]] for body in self.bodies if body]

    @property
    def all_titles(self) -> list[str]:
        """The titles of all alerts that arrived, whichever message they came in."""
        return [title for message in self.titles for title in message]

    def serve(self, connection: socket.socket) -> None:
        """Answer one call."""
        head, body = _read(connection)
        self.heads.append(head)
        self.bodies.append(orjson.loads(body) if body else None)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.drip_s:
            for byte in answer:
                connection.send(bytes([byte]))
                if self.closing.wait(self.drip_s):
                    return
        else:
            connection.sendall(answer)


def answer(status: int, *, body: bytes = b"", headers: str = "") -> bytes:
    """Answer the bytes of an HTTP answer."""
    head = f"HTTP/1.1 {status} Words\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def webhook(*answers: bytes, port: int = 0, drip_s: float = 0.0) -> Iterator[Webhook]:
    """Run a webhook that gives *answers* until the block ends."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        stand_in = Webhook(list(answers), port=listener.getsockname()[1], drip_s=drip_s)
        thread = threading.Thread(target=_run, args=(listener, stand_in), daemon=True)
        thread.start()
        yield stand_in
        stand_in.closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_S)


def _run(listener: socket.socket, stand_in: Webhook) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(PATIENCE_S)
            try:
                stand_in.serve(connection)
            except OSError:
                continue


def _read(connection: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError
        received += part
    head, body = received.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head, body
