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
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431
    INTERNAL_SERVER_ERROR = 500
    SERVICE_UNAVAILABLE = 503

    @property
    def phrase(self) -> str:
        """The reason phrase, such as `Not Found`."""
        return "OK" if self is Status.OK else self.name.replace("_", " ").title()


_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP/1\.[01]")
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that can be answered; *path* is without the query, and never decoded."""

    path: str
    with_body: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that can't be; the client is told *status* and nothing of what it sent."""

    status: Status


def is_whole(received: bytes | bytearray) -> bool:
    """Answer whether the head of a request has come to its end."""
    return b"\r\n\r\n" in received or b"\n\n" in received


def parse(received: bytes | bytearray) -> Request | Refusal:
    """Answer what the request whose head is *received* asks for.

    Headers are not looked at: no answer depends on one, and every connection is closed after its
    answer, so nothing in them can be understood in two ways.
    """
    line = bytes(received).lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
    match = _LINE.fullmatch(line)
    if match is None:
        return Refusal(status=Status.BAD_REQUEST)
    method, target = match[1].decode(), match[2].decode()
    if method not in METHODS:
        return Refusal(status=Status.METHOD_NOT_ALLOWED)
    if len(target) > MAX_TARGET:
        return Refusal(status=Status.URI_TOO_LONG)
    path = re.split("[?#]", _ABSOLUTE.sub("", target), maxsplit=1)[0] or "/"
    if not path.startswith("/"):
        return Refusal(status=Status.BAD_REQUEST)
    return Request(path=path, with_body=method != "HEAD")
