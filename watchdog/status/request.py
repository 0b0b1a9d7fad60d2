"""What an HTTP client asks for, read from bytes that may be anything. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

MAX_HEAD_BYTES = 8 * 1024  # request line and all headers
MAX_TARGET = 2048  # characters
METHODS = ("GET", "HEAD")


class Status(IntEnum):
    """The statuses that are answered (RFC 9110, RFC 6585)."""

    OK = 200
    BAD_REQUEST = 400
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    URI_TOO_LONG = 414
    MISDIRECTED_REQUEST = 421
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431
    INTERNAL_SERVER_ERROR = 500
    SERVICE_UNAVAILABLE = 503

    @property
    def phrase(self) -> str:
        """The reason phrase, such as `Not Found`."""
        return "OK" if self is Status.OK else self.name.replace("_", " ").title()


_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP/1\.[01]")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_HOST = re.compile(rb"^host[ \t]*:[ \t]*([^\r\n]*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that can be answered.

    Attributes:
        path: Without the query, and never decoded.
        host: Whom the client believes to have reached, port and all; empty when it does not say.
    """

    path: str
    with_body: bool
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that can't be; the client is told *status* and nothing of what it sent."""

    status: Status


def is_whole(received: bytes | bytearray) -> bool:
    """Answer whether the head of a request has come to its end."""
    return b"\r\n\r\n" in received or b"\n\n" in received


def parse(received: bytes | bytearray) -> Request | Refusal:
    """Answer what the request whose head is *received* asks for.

    Of the headers Host alone is looked at: no other decides an answer, and every connection is
    closed after its answer, so nothing in them can be understood in two ways.
    """
    head = bytes(received).lstrip(b"\r\n")
    line, _, headers = head.partition(b"\n")
    line = line.rstrip(b"\r")
    match = _LINE.fullmatch(line)
    if match is None:
        return Refusal(status=Status.BAD_REQUEST)
    method, target = match[1].decode(), match[2].decode()
    if method not in METHODS:
        return Refusal(status=Status.METHOD_NOT_ALLOWED)
    if len(target) > MAX_TARGET:
        return Refusal(status=Status.URI_TOO_LONG)
    absolute = _ABSOLUTE.match(target)
    path = re.split("[?#]", target[absolute.end() :] if absolute else target, maxsplit=1)[0] or "/"
    hosts = _HOST.findall(headers)
    if not path.startswith("/") or len(hosts) > 1:  # RFC 9112, 3.2: never two
        return Refusal(status=Status.BAD_REQUEST)
    # RFC 9112, 3.2.2: what the target names counts, whatever the header says.
    host = absolute[1] if absolute else b"".join(hosts).decode("latin-1")
    return Request(path=path, with_body=method != "HEAD", host=host)
