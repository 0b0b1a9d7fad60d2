"""Requests, read from bytes that may be anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.status.request import Refusal, Request, Status, is_whole, parse


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"GET / HTTP/1.1", Request(path="/", with_body=True), id="root"),
        pytest.param(b"GET /healthz HTTP/1.0", Request(path="/healthz", with_body=True), id="old"),
        pytest.param(b"HEAD /livez HTTP/1.1", Request(path="/livez", with_body=False), id="head"),
        pytest.param(
            b"GET /livez?a=/x HTTP/1.1", Request(path="/livez", with_body=True), id="query"
        ),
        pytest.param(b"GET /?a HTTP/1.1", Request(path="/", with_body=True), id="root_query"),
        pytest.param(
            b"GET http://a.b:1/livez HTTP/1.1",
            Request(path="/livez", with_body=True, host="a.b:1"),
            id="through_a_proxy",
        ),
        pytest.param(
            b"GET HTTPS://a.b HTTP/1.1",
            Request(path="/", with_body=True, host="a.b"),
            id="host_only",
        ),
        pytest.param(
            b"GET /%2e%2e/etc HTTP/1.1", Request(path="/%2e%2e/etc", with_body=True), id="raw"
        ),
        pytest.param(b"POST / HTTP/1.1", Refusal(status=Status.METHOD_NOT_ALLOWED), id="post"),
        pytest.param(b"get / HTTP/1.1", Refusal(status=Status.METHOD_NOT_ALLOWED), id="small"),
        pytest.param(
            b"GET /" + b"a" * 3000 + b" HTTP/1.1", Refusal(status=Status.URI_TOO_LONG), id="long"
        ),
        pytest.param(b"GET / HTTP/2.0", Refusal(status=Status.BAD_REQUEST), id="version"),
        pytest.param(b"GET /", Refusal(status=Status.BAD_REQUEST), id="http_0_9"),
        pytest.param(b"GET  / HTTP/1.1", Refusal(status=Status.BAD_REQUEST), id="two_blanks"),
        pytest.param(b"GET /\x01 HTTP/1.1", Refusal(status=Status.BAD_REQUEST), id="control"),
        pytest.param(
            "GET /é HTTP/1.1".encode(), Refusal(status=Status.BAD_REQUEST), id="not_ascii"
        ),
        pytest.param(b"GET livez HTTP/1.1", Refusal(status=Status.BAD_REQUEST), id="no_slash"),
        pytest.param(b"\x16\x03\x01\x02\x00", Refusal(status=Status.BAD_REQUEST), id="tls"),
        pytest.param(b"", Refusal(status=Status.BAD_REQUEST), id="nothing"),
    ],
)
def test_the_request_line_alone_decides(line: bytes, expected: Request | Refusal) -> None:
    """Method, path and version are checked; the query and other headers mean nothing."""
    assert parse(line + b"\r\nX-Forwarded-Host: a\r\nContent-Length: 4\r\n\r\n") == expected


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        pytest.param(b"Host: a.b:1\r\n", "a.b:1", id="as_it_is"),
        pytest.param(b"Accept: x\r\nhOST:\ta.b \r\nA: b\r\n", "a.b", id="any_case"),
        pytest.param(b"Host: a.b\n", "a.b", id="bare_line_feed"),
        pytest.param(b"Host:\r\n", "", id="empty"),
        pytest.param(b"", "", id="none"),
        pytest.param(b"Ghost: a\r\nX: Host: b\r\n", "", id="not_that_header"),
    ],
)
def test_a_request_says_whom_it_means(headers: bytes, host: str) -> None:
    """The Host header, wherever it stands."""
    found = parse(b"GET / HTTP/1.1\r\n" + headers + b"\r\n")

    assert found == Request(path="/", with_body=True, host=host)


def test_two_hosts_are_refused() -> None:
    """A proxy in between may have believed the other one."""
    found = parse(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")

    assert found == Refusal(status=Status.BAD_REQUEST)


def test_the_target_counts_more_than_the_header() -> None:
    """As RFC 9112 has it: a name can't be hidden behind a header that is allowed."""
    found = parse(b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert found == Request(path="/", with_body=True, host="evil.example")


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", True, id="whole"),
        pytest.param(b"GET / HTTP/1.1\n\n", True, id="bare_line_feeds"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n", False, id="headers_may_follow"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_a_head_ends_with_an_empty_line(received: bytes, expected: bool) -> None:
    """Until then nothing is answered."""
    assert is_whole(received) is expected


def test_every_status_has_its_phrase() -> None:
    """The words of RFC 9110 and RFC 6585."""
    phrases = {status.value: status.phrase for status in Status}

    assert phrases[200] == "OK"
    assert phrases[431] == "Request Header Fields Too Large"
    assert phrases[503] == "Service Unavailable"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_refused(received: bytes) -> None:
    """No bytes cause an exception, and a path always begins with a slash."""
    found = parse(received)

    assert isinstance(found, Refusal) or found.path.startswith("/")
