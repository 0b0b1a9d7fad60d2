"""One HTTP call that ends: bounded in time and bytes, no redirect followed, nothing believed."""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from watchdog.alerts.delivery import Answer
from watchdog.heartbeat.redaction import SECRETS

STEP_TIMEOUT_S = 5.0  # of connecting to one address, and of each read or write
TOTAL_TIMEOUT_S = 15.0  # of everything after the connection, whatever drips in meanwhile
MAX_BODY_BYTES = 64 * 1024
USER_AGENT = "Novera-Watchdog/0.1"


class FetchError(Exception):
    """No answer; *reason* is a short word that holds nothing of the address."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no answer: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to call; the path is secret, a webhook's token is in it."""

    secure: bool
    host: str
    port: int
    path: str


def target_of(url: str) -> Target:
    """Answer where *url* points, and have it struck out of every log from now on.

    Raises:
        ValueError: not an http or https address with a host and a usable port.
    """
    SECRETS.add_url(url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    return Target(
        secure=secure, host=parts.hostname, port=parts.port or (443 if secure else 80), path=path
    )


def fetch(
    target: Target,
    *,
    body: bytes | None = None,
    step_timeout_s: float = STEP_TIMEOUT_S,
    total_timeout_s: float = TOTAL_TIMEOUT_S,
) -> Answer:
    """GET *target*, or POST *body* as JSON, and answer what came back.

    Raises:
        FetchError: nothing that is an HTTP answer came within the limits.
    """
    try:
        with _connected(target, step_timeout_s) as connected:
            # A socket's timeout starts anew with every byte; this one does not.
            deadline = threading.Timer(total_timeout_s, _shut, args=(connected,))
            deadline.daemon = True
            deadline.start()
            try:
                return _exchange(target, connected, body)
            finally:
                deadline.cancel()
    except TimeoutError as error:
        raise FetchError("timeout") from error
    except ssl.SSLCertVerificationError as error:
        raise FetchError("certificate") from error
    except socket.gaierror as error:
        raise FetchError("name_unknown") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError: a host that is no domain name, a path with a blank or a line break in it.
        raise FetchError(type(error).__name__) from error


def _connected(target: Target, timeout_s: float) -> socket.socket:
    plain = socket.create_connection((target.host, target.port), timeout=timeout_s)
    if not target.secure:
        return plain
    try:
        return _tls().wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _shut(connected: socket.socket) -> None:
    # The plain shutdown, even of a TLS socket: its own would unwrap under the reading thread.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _exchange(target: Target, connected: socket.socket, body: bytes | None) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.default_port = 443 if target.secure else 80  # decides what the Host header says
    connection.sock = connected
    headers = {"User-Agent": USER_AGENT, "Connection": "close", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request("GET" if body is None else "POST", target.path, body, headers)
        with connection.getresponse() as response:
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=_body(response),
            )
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse) -> bytes:
    """Answer what there is of the body: the status alone already decides most."""
    parts: list[bytes] = []
    size = 0
    # OverflowError: a chunk whose length has more than 64 bits, or is below zero by as many.
    with contextlib.suppress(OSError, http.client.HTTPException, OverflowError):
        while size < MAX_BODY_BYTES and (part := response.read1(MAX_BODY_BYTES - size)):
            parts.append(part)
            size += len(part)
    return b"".join(parts)
