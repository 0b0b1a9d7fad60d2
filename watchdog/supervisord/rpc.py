"""XML-RPC to supervisord over its unix socket, with a limit on every call.

The standard library's `ServerProxy` has no timeouts, and a frozen supervisord never answers: it
accepts the connection (the kernel does) and then says nothing.
"""

from __future__ import annotations

import http.client
import socket
import time
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from watchdog.errors import SupervisordFaultError, SupervisordSilentError

MAX_ANSWER_BYTES = 256 * 1024
# The last four are what `xmlrpc.client` raises for tags in a place where they make no sense.
NOT_XML_RPC = (
    http.client.HTTPException,
    xmlrpc.client.Error,
    ExpatError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)
SLACK_S = 0.25  # a timeout comes this much late on a busy machine


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket; *timeout_s* holds for each wait on it."""

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path, self._timeout_s = path, timeout_s

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(str(self._path))


class SupervisordRpc:
    """Call supervisord's methods; one connection a call, so that a lost answer is nobody else's.

    *waited_s* sums the waits, each at most its limit: waiting for supervisord does not make a poll
    late, sleeping with the whole machine while waiting does.

    Args:
        before_call: Called before every call, such as the guard against a tick that hangs: some
            slow answers in a row are not a hang.
    """

    def __init__(
        self, path: Path, *, timeout_s: float, before_call: Callable[[], None] = lambda: None
    ) -> None:
        self._path, self._timeout_s, self._before_call = path, timeout_s, before_call
        self.waited_s = 0.0
        self._connection: UnixConnection | None = None
        self._aborted = False

    def call(self, method: str, *arguments: str | int | bool) -> Any:
        """Answer what `supervisor.`*method* answers.

        Raises:
            SupervisordFaultError: it answered with a fault.
            SupervisordSilentError: no answer in time, nobody listens, or not XML-RPC.
        """
        body = xmlrpc.client.dumps(arguments, f"supervisor.{method}").encode()
        self._before_call()
        if self._aborted:
            raise SupervisordSilentError(method, "aborted")
        connection = self._connection = UnixConnection(self._path, timeout_s=self._timeout_s)
        started_s = time.monotonic()
        deadline_s = started_s + self._timeout_s
        try:
            connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
            response = connection.getresponse()
            raw = _read(response, method, deadline_s)
            if response.status != 200:
                raise SupervisordSilentError(method, f"http {response.status}")
            (answer,), _ = xmlrpc.client.loads(raw)
        except TimeoutError as error:
            raise SupervisordSilentError(method, "timeout") from error
        except OSError as error:
            raise SupervisordSilentError(method, "unreachable") from error
        except xmlrpc.client.Fault as fault:
            code = fault.faultCode
            raise SupervisordFaultError(method, code=code if type(code) is int else 0) from fault
        except NOT_XML_RPC as error:
            raise SupervisordSilentError(method, "not_xml_rpc") from error
        finally:
            self._connection = None
            connection.close()
            self.waited_s += min(time.monotonic() - started_s, self._timeout_s + SLACK_S)
        return answer

    def abort(self) -> None:
        """End the call under way and refuse later ones; for signal handlers."""
        self._aborted = True
        connection = self._connection
        sock = connection.sock if connection is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # not connected yet, or closed already
                return


def _read(response: http.client.HTTPResponse, method: str, deadline_s: float) -> bytes:
    """Answer the whole body; a trickle is cut off at *deadline_s*, a flood at its length."""
    parts: list[bytes] = []
    length = 0
    while part := response.read1(16 * 1024):
        parts.append(part)
        length += len(part)
        if length > MAX_ANSWER_BYTES:
            raise SupervisordSilentError(method, "answer_too_long")
        if time.monotonic() > deadline_s:
            raise SupervisordSilentError(method, "timeout")
    return b"".join(parts)
