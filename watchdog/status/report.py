"""The status report as bytes: written by the daemon, read by the command, shown over HTTP. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import orjson

from watchdog.health.verdict import StatusReport
from watchdog.heartbeat import schema
from watchdog.heartbeat.decoder import HeartbeatError, check_bounds, decoder_for

SCHEMA = 1
MAX_BYTES = 256 * 1024  # a heartbeat is at most 64 KiB, the rest is bounded text
MAX_TEXT = 4000  # characters of a reason, an advice, an action
MAX_LINES = 64  # warnings, actions


class StatusReportError(ValueError):
    """A report that can't be believed; *reason* is short and holds nothing of its content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"status report refused: {reason}")


def encode(report: StatusReport) -> bytes:
    """Answer *report* as one JSON document that `decode` believes, at most `MAX_BYTES` long.

    Long texts are cut; a heartbeat that does not fit is left out before anything else is.

    Raises:
        StatusReportError: too long even so.
        TypeError: a value that is no JSON, such as text with lone surrogates.
    """
    report = _cut(report)
    for candidate in (report, replace(report, heartbeat=None)):
        raw = orjson.dumps(document(candidate))
        if len(raw) <= MAX_BYTES:
            return raw
    raise StatusReportError(f"{len(raw)} bytes encoded, at most {MAX_BYTES} allowed")


def document(report: StatusReport) -> dict[str, Any]:
    """Answer *report* as a JSON object with its schema number."""
    return {"schema": SCHEMA, **orjson.loads(orjson.dumps(report))}


def decode(raw: bytes) -> StatusReport:
    """Answer the report that *raw* holds; keys it does not know are ignored.

    Raises:
        StatusReportError: too long or deep, not JSON, another schema, a missing key, a wrong type.
    """
    if len(raw) > MAX_BYTES:
        raise StatusReportError(f"longer than {MAX_BYTES} bytes")
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise StatusReportError("not JSON") from error
    if not isinstance(found, dict):
        raise StatusReportError("not an object")
    if found.get("schema") != SCHEMA or isinstance(found.get("schema"), bool):
        raise StatusReportError("another schema")
    heartbeat = found.pop("heartbeat", None)
    if heartbeat is not None and not isinstance(heartbeat, dict):
        raise StatusReportError("report.heartbeat is not an object")
    try:
        check_bounds(found)
        check_bounds(heartbeat)
        report = cast(StatusReport, _decode_report(found, "report"))
    except HeartbeatError as error:
        raise StatusReportError(error.reason) from error
    return replace(report, heartbeat=heartbeat)


def beat_of(report: StatusReport) -> schema.Heartbeat | None:
    """Answer the report's heartbeat with believed types, None when it has none or a broken one."""
    if report.heartbeat is None:
        return None
    try:
        return schema.decode(orjson.dumps(report.heartbeat))
    except (HeartbeatError, TypeError):
        return None


def without_stack(heartbeat: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Answer the beat without the loop's stack: source lines are for logs, not for a web page."""
    loop = heartbeat.get("loop") if heartbeat is not None else None
    if not isinstance(loop, Mapping) or heartbeat is None:
        return heartbeat
    return {**heartbeat, "loop": {key: value for key, value in loop.items() if key != "stack"}}


def _cut(report: StatusReport) -> StatusReport:
    incident = report.incident
    if incident is not None:
        incident = replace(
            incident,
            kind=incident.kind[:MAX_TEXT],
            cause=incident.cause[:MAX_TEXT],
            actions=_cut_lines(incident.actions),
        )
    return replace(
        report,
        reason=report.reason[:MAX_TEXT],
        advice=report.advice[:MAX_TEXT],
        warnings=_cut_lines(report.warnings),
        incident=incident,
    )


def _cut_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line[: MAX_TEXT // 8] for line in lines[-MAX_LINES:])


_decode_report = decoder_for(StatusReport)
