"""HTTP requests as raw bytes, changed where servers stumble."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.choices import Choices
from tests.fuzz.mutation import byte_edited, in_parts
from tests.fuzz.surface import Input

METHODS = (
    b"GET",
    b"GET",
    b"GET",
    b"POST",
    b"POST",
    b"HEAD",
    b"PUT",
    b"TRACE",
    b"get",
    b"",
    b"G\0T",
    b"A" * 5000,
)
VERSIONS = (
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"HTTP/1.",
    b"",
    b"http/1.1",
    b"\0",
)
HOSTS = (
    b"127.0.0.1",
    b"127.0.0.1",
    b"localhost:80",
    b"evil.example",
    b"",
    b"[::1",
    b"a" * 9000,
    b"\xff",
    b"[::1]:x",
)
HEADERS = (
    *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 5\r\nContent-Length: 6"),
    b"Content-Length: 1e3",
    *(b"Content-Length: 99999999999999999999", b"Content-Length: +5", b"Content-Length: \xd9\xa3"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked"),
    b"Transfer-Encoding: x",
    *(b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Expect: 100-continue", b"Expect: x"),
    *(b"Connection: close", b"Connection: upgrade\r\nUpgrade: websocket", b"Upgrade: h2c"),
    b"Connection: \0",
    *(b"Origin: null", b"Origin: http://evil.example", b"Origin: http://[", b"Origin: \xff"),
    b"Content-Encoding: gzip",
    *(b"Content-Encoding: deflate", b"Content-Encoding: br"),
    b"Content-Type: application/json; charset=x",
    *(b"Content-Type: \xff", b"Cookie: " + b"a=b;" * 800, b"X: " + b"y" * 9000),
    b"a: b\r\n" * 300 + b"c: d",
    *(b": empty", b"no colon", b" folded: x", b"X : y", b"Range: bytes=0-"),
    *(b"If-Modified-Since: \xd9\xa3", b"\r"),
)
TOKENS = (
    b"\r\n\r\n",
    b"\r\n",
    b"\n\n",
    b" ",
    b"GET / HTTP/1.1\r\n\r\n",
    b"%00",
    b"%",
    b"?",
    b"http://x/",
    b"5\r\nhello\r\n0\r\n\r\n",
)


def request(choices: Choices, paths: Sequence[bytes], body: bytes = b"") -> bytes:
    """Answer one request, most of them well formed."""
    method = choices.pick(METHODS) if choices.one_in(3) else b"POST" if body else b"GET"
    version = choices.pick(VERSIONS) if choices.one_in(4) else b"HTTP/1.1"
    host = choices.pick(HOSTS) if choices.one_in(4) else b"127.0.0.1"
    lines = [method + b" " + choices.pick(paths) + b" " + version, b"Host: " + host]
    if choices.one_in(3):
        lines += [choices.pick(HEADERS) for _ in range(1 + choices.number(3))]
    if body and not choices.one_in(6):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def make(choices: Choices, paths: Sequence[bytes], body: bytes = b"") -> Input:
    """Answer one request or a pipeline, in parts, now and then cut off."""
    raw = request(choices, paths, body)
    if choices.one_in(6):
        raw += request(choices, paths)
    if choices.one_in(3):
        raw = byte_edited(raw, choices, TOKENS)
    return in_parts(raw, choices)
