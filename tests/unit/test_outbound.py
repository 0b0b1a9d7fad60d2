"""Decisions about outbound calls: retries, redirects, statistics, and what errors tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.outbound.breaker import BreakerPolicy
from bot.outbound.errors import (
    AddressRefusedError,
    CircuitOpenError,
    ConnectionFailedError,
    OutboundError,
    OutboundTimeoutError,
    ResponseStatusError,
    ResponseTooLargeError,
)
from bot.outbound.gate import Gate
from bot.outbound.redirects import Hop, host_of, next_hop
from bot.outbound.response import Response
from bot.outbound.retries import counts_as_down, decide, retry_after_s
from bot.outbound.tally import OTHER, Hosts
from tests.fakes import FakeClock

HOST = "https://api.example:443"
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def status(code: int, *, retry_after_s: float | None = None) -> ResponseStatusError:
    return ResponseStatusError("GET", HOST, status=code, retry_after_s=retry_after_s)


FAILED = ConnectionFailedError("GET", HOST, kind="ClientOSError")


@pytest.mark.parametrize(
    ("error", "idempotent", "left_s", "expected"),
    [
        pytest.param(FAILED, True, 5.0, True, id="connection failed"),
        pytest.param(FAILED, False, 5.0, False, id="connection failed, not idempotent"),
        pytest.param(FAILED, True, 0.0, False, id="no time left"),
        pytest.param(status(500), True, 5.0, True, id="500"),
        pytest.param(status(501), True, 5.0, False, id="501 stays"),
        pytest.param(status(503), True, 5.0, True, id="503"),
        pytest.param(status(404), True, 5.0, False, id="404"),
        pytest.param(status(429), True, 5.0, True, id="429 without a time"),
        pytest.param(status(429, retry_after_s=2.0), True, 5.0, 2.0, id="429 with a time"),
        pytest.param(status(503, retry_after_s=0.0), True, 5.0, 0.0, id="at once"),
        pytest.param(status(429, retry_after_s=9.0), True, 5.0, False, id="asks for too long"),
        pytest.param(
            ResponseTooLargeError("GET", HOST, max_bytes=1), True, 5.0, False, id="too large"
        ),
        pytest.param(
            CircuitOpenError("GET", HOST, retry_after_s=1), True, 5.0, False, id="circuit open"
        ),
        pytest.param(ValueError(), True, 5.0, False, id="an error of the caller's"),
    ],
)
def test_a_retry_is_decided_by_error_method_and_time_left(
    error: Exception, idempotent: bool, left_s: float, expected: bool | float
) -> None:
    """Only what another try may mend, only where it does no harm, only while there is time."""
    answer = decide(error, idempotent=idempotent, left_s=left_s)

    assert answer is expected if isinstance(expected, bool) else answer == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("0.5", 0.5, id="a fraction"),
        pytest.param("-3", 0.0, id="negative"),
        pytest.param("nan", None, id="nan"),
        pytest.param("inf", None, id="inf"),
        pytest.param("soon", None, id="a word"),
        pytest.param("Thu, 01 Jan 2026 12:00:30 GMT", 30.0, id="a date"),
        pytest.param("Thu, 01 Jan 2026 11:00:00 GMT", 0.0, id="a date gone by"),
        pytest.param("Thu, 99 Jan 2026 11:00:00 GMT", None, id="not a date"),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, expected: float | None) -> None:
    """What can't be read counts as not given."""
    seconds = retry_after_s(header, now=NOW)

    assert seconds == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(status(500), True, id="500"),
        pytest.param(status(503), True, id="503"),
        pytest.param(status(429), False, id="429 is an answer of a host that is well"),
        pytest.param(status(404), False, id="404"),
        pytest.param(FAILED, True, id="connection failed"),
        pytest.param(OutboundTimeoutError("GET", HOST, timeout_s=1.0), True, id="timeout"),
        pytest.param(ResponseTooLargeError("GET", HOST, max_bytes=1), False, id="too large"),
    ],
)
def test_a_host_is_down_when_it_does_not_answer_or_fails_itself(
    error: Exception, expected: bool
) -> None:
    """Only that feeds the breaker."""
    answer = counts_as_down(error)

    assert answer is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://a.example/x?y=1", "https://a.example:443", id="https"),
        pytest.param("http://a.example", "http://a.example:80", id="http"),
        pytest.param("HTTP://A.Example:8080/", "http://a.example:8080", id="capitals and port"),
        pytest.param("https://user:pw@a.example/", "https://a.example:443", id="credentials"),
        pytest.param("http://[::1]:5000/", "http://[::1]:5000", id="IPv6"),
        pytest.param("ftp://a.example/", None, id="ftp"),
        pytest.param("file:///etc/passwd", None, id="file"),
        pytest.param("gopher://a.example/", None, id="gopher"),
        pytest.param("//a.example/", None, id="no scheme"),
        pytest.param("https://", None, id="no host"),
        pytest.param("http://a.example:port/", None, id="no port number"),
        pytest.param("http://[::1", None, id="broken IPv6"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_host_is_named_without_path_and_credentials(url: str, expected: str | None) -> None:
    """Anything but http and https is refused."""
    name = host_of(url)

    assert name == expected


HOP = Hop(method="POST", url="https://a.example/x", headers={"Authorization": "s", "Accept": "*"})


@pytest.mark.parametrize(
    ("code", "location", "expected"),
    [
        pytest.param(307, "/y", ("POST", "https://a.example/y", 2, True), id="same host"),
        pytest.param(
            307, "https://b.example/", ("POST", "https://b.example/", 1, True), id="other"
        ),
        pytest.param(303, "/y", ("GET", "https://a.example/y", 2, False), id="303 is a GET"),
        pytest.param(302, "/y", ("GET", "https://a.example/y", 2, False), id="302 of a POST"),
        pytest.param(301, "http://a.example/", None, id="from https to http"),
        pytest.param(302, "file:///etc/passwd", None, id="another scheme"),
        pytest.param(302, "javascript:alert(1)", None, id="no address"),
        pytest.param(302, None, None, id="no location"),
        pytest.param(200, "/y", None, id="no redirect"),
        pytest.param(304, "/y", None, id="not modified"),
    ],
)
def test_a_redirect_leads_only_where_it_may(
    code: int, location: str | None, expected: tuple[str, str, int, bool] | None
) -> None:
    """Credentials stay with their host; a scheme never gets worse."""
    hop = next_hop(HOP, status=code, location=location)

    found = hop and (hop.method, hop.url, len(hop.headers), hop.keeps_body)
    assert found == expected


def test_hosts_are_bounded_and_the_rest_is_one_sum() -> None:
    """Whoever lets users choose addresses does not fill the memory."""
    hosts = Hosts(limit=3)

    for number in range(10):
        hosts.of(f"https://h{number}:443").requests += 1

    statistics = hosts.statistics()
    assert len(statistics) == 4
    assert statistics[OTHER].requests == 7
    assert sum(host.requests for host in statistics.values()) == 10


def test_a_host_with_an_open_breaker_is_remembered_longer() -> None:
    """Forgetting it would let a dead host be called again."""
    clock = FakeClock()
    gate = Gate(BreakerPolicy(failures=1), clock=clock)
    gate.enter("GET", "https://dead:443").failed()

    for number in range(100):
        gate.enter("GET", f"https://h{number}:443").answered()

    with pytest.raises(CircuitOpenError):
        gate.enter("GET", "https://dead:443")


def test_an_outcome_is_told_once() -> None:
    """Settling a ticket again changes nothing."""
    clock = FakeClock()
    gate = Gate(BreakerPolicy(failures=2), clock=clock)
    ticket = gate.enter("GET", HOST)
    clock.advance(0.25)

    ticket.answered(received_bytes=10)
    ticket.failed()
    ticket.abandoned()

    host = gate.statistics()[HOST]
    assert (host.requests, host.failed, host.received_bytes) == (1, 0, 10)
    assert host.p50_ms == pytest.approx(250.0, rel=0.07)


def test_a_refused_call_is_counted_as_refused() -> None:
    """Nothing was sent, so it is no request."""
    gate = Gate(BreakerPolicy(failures=1, open_s=10.0), clock=FakeClock())
    gate.enter("GET", HOST).failed()

    with pytest.raises(CircuitOpenError) as refused:
        gate.enter("GET", HOST)

    host = gate.statistics()[HOST]
    assert refused.value.retry_after_s == 10.0
    assert (host.requests, host.refused, host.breaker) == (1, 1, "open")


ERRORS = [
    AddressRefusedError("GET", HOST, "w"),
    CircuitOpenError("GET", HOST, retry_after_s=3.0),
    OutboundTimeoutError("GET", HOST, timeout_s=2.0),
    FAILED,
    ResponseTooLargeError("GET", HOST, max_bytes=5),
    status(418),
]


@pytest.mark.parametrize("error", [pytest.param(e, id=type(e).__name__) for e in ERRORS])
def test_every_error_is_one_of_a_tree_and_names_method_and_host(error: OutboundError) -> None:
    """A caller catches one class, a reader learns who did not answer."""
    text = str(error)

    assert isinstance(error, OutboundError)
    assert text.startswith(f"GET {HOST}: ")


def test_a_timeout_is_a_timeout_error() -> None:
    """The rule of the house: a timeout raises TimeoutError."""
    error = OutboundTimeoutError("GET", HOST, timeout_s=2.0)

    assert isinstance(error, TimeoutError)


def test_a_response_is_read_as_json_or_text() -> None:
    """Bytes that are not UTF-8 do not raise where text is wanted."""
    response = Response(status=200, headers={}, body=b'{"a": 1}')

    assert response.json() == {"a": 1}
    assert Response(status=200, headers={}, body=b"\xff").text() == "\ufffd"
