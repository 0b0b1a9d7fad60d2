"""What each path answers."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest

from tests.unit.status_reports import as_json, beat, report, view
from watchdog.health.verdict import SERVING, Verdict
from watchdog.heartbeat import schema
from watchdog.status.answer import Response, answer, to_bytes
from watchdog.status.request import Refusal, Request, Status
from watchdog.status.view import View


def ask(path: str, shown: View) -> Response:
    request = Request(path=path, with_body=True)
    return answer(request, shown, metrics=lambda _: ("text/plain", b"novera_up 1\n"))


def content(response: Response) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(response.body)
    return document


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_health_is_200_while_the_bot_serves(verdict: Verdict, path: str) -> None:
    """Every verdict but healthy and degraded is 503, and the JSON says which."""
    response = ask(path, view(report(verdict=verdict)))

    assert response.status == (200 if verdict in SERVING else 503)
    assert content(response)["verdict"] == verdict


def test_health_says_all_that_is_known() -> None:
    """Reason, advice, since, heartbeat, restarts and incident are there."""
    document = content(ask("/healthz", view(report(advice="Look."))))

    assert (document["reason"], document["advice"]) == ("serving", "Look.")
    assert document["since"] == "2026-05-04T11:50:08.000Z"
    assert document["heartbeat"]["gateway"]["latency_ms"] == 41.0
    assert document["restarts"]["in_window"] == 1
    assert document["incident"]["number"] == 4


def test_health_shows_no_source_lines() -> None:
    """The stack of a blocked loop may be read by strangers here."""
    blocked = beat(loop=schema.Loop(blocked_s=3.0, stack="secret.py:1 in f"))

    response = ask("/healthz", view(report(heartbeat=as_json(blocked))))

    assert b"secret.py" not in response.body


def test_a_hung_watchdog_is_not_live_and_vouches_for_nothing() -> None:
    """An old report is shown, but not as the truth."""
    hung = view(report(), live=False)

    health, live = ask("/healthz", hung), ask("/livez", hung)

    assert (health.status, live.status) == (503, 503)
    assert content(health)["verdict"] == "unknown"
    assert content(health)["reason"] == "watchdog_hung"


def test_a_watchdog_that_has_just_begun_is_live_but_not_ready() -> None:
    """Nothing has been judged yet."""
    first = view(None)

    assert ask("/livez", first).status == 200
    assert ask("/healthz", first).status == 503
    assert content(ask("/healthz", first))["verdict"] == "unknown"


def test_the_page_may_run_nothing_but_itself() -> None:
    """The policy names the page's own script and style by their hashes."""
    response = ask("/", view(report()))

    assert response.content_type.startswith("text/html")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "'sha256-" in response.headers["Content-Security-Policy"]


def test_metrics_are_passed_on() -> None:
    """Type and text come from the renderer."""
    response = ask("/metrics", view(report()))

    assert (response.content_type, response.body) == ("text/plain", b"novera_up 1\n")


def test_an_unknown_path_is_told_the_known_ones() -> None:
    """404 as JSON, without repeating what was asked."""
    response = ask("/<script>", view(report()))

    assert response.status == 404
    assert content(response)["error"] == "not_found"
    assert "/healthz" in content(response)["paths"]
    assert b"script" not in response.body


def test_another_method_is_told_the_allowed_ones() -> None:
    """405 carries Allow (RFC 9110, 15.5.6)."""
    refusal = Refusal(status=Status.METHOD_NOT_ALLOWED)

    response = answer(refusal, view(report()), metrics=lambda _: ("", b""))

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


def test_the_wire_carries_the_protective_headers() -> None:
    """Nothing is stored, sniffed or kept open, and no version is told."""
    raw = to_bytes(ask("/livez", view(report())), date="Mon, 04 May 2026 12:00:00 GMT")
    head, body = raw.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")

    assert lines[0] == "HTTP/1.1 200 OK"
    assert {
        "Server: novera-watchdog",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'",
        "Connection: close",
        f"Content-Length: {len(body)}",
        "Date: Mon, 04 May 2026 12:00:00 GMT",
    } <= set(lines)


def test_head_is_told_the_length_and_sent_nothing() -> None:
    """RFC 9110, 9.3.2."""
    response = ask("/livez", view(report()))

    raw = to_bytes(response, date="", with_body=False)

    assert raw.endswith(b"\r\n\r\n")
    assert f"Content-Length: {len(response.body)}".encode() in raw
