"""One HTTP call over a real socket, with an answer nobody can trust."""

from __future__ import annotations

import socket
import time

import pytest

from tests.integration.webhook_stand_in import answer, webhook
from tests.ports import free_port
from watchdog.alerts.fetch import MAX_BODY_BYTES, FetchError, fetch, target_of
from watchdog.heartbeat.redaction import SECRETS


def test_a_post_carries_json_to_the_path_and_query() -> None:
    """The whole address counts: a webhook's thread is in its query."""
    with webhook(answer(204, headers="Retry-After: 3\r\n")) as hook:
        found = fetch(target_of(hook.url + "?thread_id=7"), body=b'{"embeds":[]}')

    assert (found.status, found.headers["retry-after"], found.body) == (204, "3", b"")
    assert hook.heads[0].startswith(b"POST /api/webhooks/1/very-secret-token?thread_id=7 HTTP/1.1")
    assert b"Content-Type: application/json" in hook.heads[0]
    assert hook.bodies == [{"embeds": []}]


def test_without_a_body_it_is_a_get() -> None:
    """A push monitor is fetched."""
    with webhook(answer(200, body=b"ok")) as hook:
        found = fetch(target_of(hook.url))

    assert found.body == b"ok"
    assert hook.heads[0].startswith(b"GET ")


def test_an_endless_body_is_cut_off() -> None:
    """The status decides; of the rest only so much is read."""
    with webhook(answer(500, body=b"x" * (4 * MAX_BODY_BYTES))) as hook:
        found = fetch(target_of(hook.url))

    assert (found.status, len(found.body)) == (500, MAX_BODY_BYTES)


def test_a_redirect_is_not_followed() -> None:
    """Whoever answers can't send the alert to another host."""
    with webhook(answer(204)) as other:
        location = f"Location: {other.url}\r\n"
        with webhook(answer(307, headers=location)) as hook:
            found = fetch(target_of(hook.url), body=b"{}")

    assert found.status == 307
    assert other.heads == []


def test_nobody_listening_is_no_answer() -> None:
    """A refused connection is told at once, by a word."""
    with pytest.raises(FetchError, match="ConnectionRefusedError"):
        fetch(target_of(f"http://127.0.0.1:{free_port()}/"))


def test_silence_ends_with_a_timeout() -> None:
    """A server that accepts and never answers costs one timeout."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(FetchError, match="timeout"),
    ):
        fetch(target_of(f"http://127.0.0.1:{silent.getsockname()[1]}/"), step_timeout_s=0.2)


def test_an_answer_that_drips_is_ended_by_the_total_limit() -> None:
    """A byte now and then keeps every single read alive, but not the call."""
    began_s = time.monotonic()
    with webhook(answer(200, body=b"x" * 500), drip_s=0.05) as hook, pytest.raises(FetchError):
        fetch(target_of(hook.url), step_timeout_s=5.0, total_timeout_s=0.2)

    assert time.monotonic() - began_s < 10


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="closed_without_a_word"),
        pytest.param(b"\x00\xff\x00\xff\r\n\r\n", id="garbage"),
        pytest.param(b"HTTP/1.1 2", id="cut_in_the_first_line"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="another_protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n", id="too_many_headers"),
        pytest.param(b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n", id="a_line_too_long"),
    ],
)
def test_what_is_no_http_is_no_answer(raw: bytes) -> None:
    """One kind of error, whatever comes."""
    with webhook(raw) as hook, pytest.raises(FetchError):
        fetch(target_of(hook.url))


def test_a_body_that_breaks_off_leaves_the_status() -> None:
    """It was taken, or it was not: the status alone says so."""
    with webhook(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as hook:
        found = fetch(target_of(hook.url))

    assert (found.status, found.body) == (200, b"half")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://a b/x", id="a_blank_in_the_host"),
        pytest.param("http://127.0.0.1:9/x y", id="a_blank_in_the_path"),
        pytest.param("http://127.0.0.1:9/\u20ac", id="not_ascii"),
        pytest.param("http://" + "a" * 80 + "." + "b" * 300 + "/", id="no_domain_name"),
        pytest.param("https://127.0.0.1:9/", id="tls_to_nobody"),
    ],
)
def test_an_address_that_leads_nowhere_is_no_answer(url: str) -> None:
    """A setting with a typing error must not end the thread."""
    with pytest.raises(FetchError):
        fetch(target_of(url), step_timeout_s=1.0)


def test_tls_to_a_server_without_it_is_no_answer() -> None:
    """A wrong scheme is told as what it is, not as an exception."""
    with webhook(answer(200)) as hook, pytest.raises(FetchError):
        fetch(target_of(hook.url.replace("http:", "https:")), step_timeout_s=0.2)


def test_addresses_are_secrets_from_the_first_moment() -> None:
    """Neither the address nor its path is ever written to a log."""
    url = "https://discord.test/api/webhooks/99/very-secret-token"
    target_of(url)

    assert SECRETS.redact(f"to {url}") == "to [redacted]"
    assert SECRETS.redact("POST /api/webhooks/99/very-secret-token") == "POST [redacted]"
