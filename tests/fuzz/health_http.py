"""Raw bytes at the watchdog's status server: half requests, floods of headers, pipelines."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

from tests.fuzz.choices import Choices, built
from tests.fuzz.http_requests import make
from tests.fuzz.surface import Check, Input, Surface
from tests.integration.test_status_server import serving
from watchdog.status.request import Status

PATHS = (
    b"/",
    b"/healthz",
    b"/livez",
    b"/readyz?a",
    b"/metrics",
    b"/nothing",
    b"*",
    b"//",
    b"/..%2f",
)
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z ]+\r\n(?:[!-9;-~]+: [ -~]*\r\n)+\r\n")
KNOWN = {status.value for status in Status} - {500}
PATIENCE_S = 5.0
PROBE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def build(choices: Choices) -> Input:
    """Answer a request, changed, in parts."""
    return make(choices, PATHS)


def exchange(port: int, parts: Input) -> bytes:
    """Send *parts*, say that nothing more comes, and answer all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        received = b""
        # The server has answered already, and closed, when it had heard enough.
        with contextlib.suppress(ConnectionError):
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while part := client.recv(65536):
                received += part
        return received


def judge(received: bytes) -> None:
    """Fail for an answer that is none of the documented ones, or not all of one."""
    if not received:
        return
    found = ANSWER.match(received)
    assert found, received[:200]
    assert int(found[1]) in KNOWN, received[:200]


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Run the server with a healthy report."""
    with serving() as port:

        def check(given: Input) -> None:
            judge(exchange(port, given))
            after = exchange(port, (PROBE,))
            assert after.startswith(b"HTTP/1.1 200 OK\r\n"), after[:200]

        yield check


SURFACE = Surface(name="health_http", inputs=built(build, size=64), opened=opened)
