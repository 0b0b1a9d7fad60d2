"""The HTTP answers: which path says what, and with which status. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from watchdog.status import page
from watchdog.status.report import document, without_stack
from watchdog.status.request import METHODS, Refusal, Request, Status
from watchdog.status.view import View

PATHS = ("/", "/healthz", "/livez", "/metrics", "/readyz")
JSON = "application/json; charset=utf-8"

# No frame-ancestors: Replit shows the page in a frame, and there is nothing on it to click.
_ALWAYS = {
    "Server": "novera-watchdog",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Connection": "close",
}
_NOTHING_LOADS = "default-src 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer before it becomes bytes."""

    status: Status
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(
    request: Request | Refusal, view: View, *, metrics: Callable[[View], tuple[str, bytes]]
) -> Response:
    """Answer *request* from *view*.

    Args:
        metrics: Answers content type and text for Prometheus.
    """
    if isinstance(request, Refusal):
        return refused(request.status)
    match request.path:
        case "/":
            return Response(
                status=Status.OK,
                content_type="text/html; charset=utf-8",
                body=page.render(view).encode(),
                headers={"Content-Security-Policy": page.POLICY},
            )
        case "/livez":
            age_s = None if view.report_age_s is None else round(view.report_age_s, 3)
            return _json(_status(view.live), {"live": view.live, "report_age_s": age_s})
        case "/readyz" | "/healthz":
            return _json(_status(view.serving), _health(view))
        case "/metrics":
            content_type, body = metrics(view)
            return Response(status=Status.OK, content_type=content_type, body=body)
    return _json(Status.NOT_FOUND, {"error": "not_found", "paths": PATHS})


def refused(status: Status) -> Response:
    """Answer a request that can't be served."""
    headers = {}
    if status == Status.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(METHODS)
    return _json(status, {"error": status.name.lower()}, headers)


def to_bytes(response: Response, *, date: str, with_body: bool = True) -> bytes:
    """Answer what goes over the wire.

    Args:
        date: The moment, as RFC 9110 writes it.
        with_body: False for HEAD, which is told the length all the same.
    """
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        "Date": date,
        "Content-Security-Policy": _NOTHING_LOADS,
        **_ALWAYS,
        **response.headers,
    }
    lines = [f"HTTP/1.1 {response.status.value} {response.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return head + response.body if with_body else head


def _health(view: View) -> dict[str, Any]:
    """Answer the report, the loop's stack left out: source lines are for logs/incidents.jsonl."""
    health = document(view.report)
    health["heartbeat"] = without_stack(health["heartbeat"])
    health["live"] = view.live
    return health


def _status(is_well: bool) -> Status:
    return Status.OK if is_well else Status.SERVICE_UNAVAILABLE


def _json(
    status: Status, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Response(status=status, content_type=JSON, body=body, headers=headers or {})
