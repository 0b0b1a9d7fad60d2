"""An alert as bytes, as it lies in the spool. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import orjson

from watchdog.alerts.alert import Alert
from watchdog.heartbeat.decoder import HeartbeatError, check_bounds, decoder_for

SCHEMA = 1
MAX_BYTES = 32 * 1024
MAX_TITLE = 256  # characters, Discord's limit of an embed's title
MAX_TEXT = 4096  # characters, Discord's limit of an embed's description
MAX_WORD = 128  # characters of key and time


class EntryError(ValueError):
    """An entry that can't be believed; *reason* is short and holds nothing of its content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"alert entry refused: {reason}")


def bounded(alert: Alert) -> Alert:
    """Answer *alert* with texts cut to what is ever shown, and real characters only."""
    return replace(
        alert,
        key=_clean(alert.key)[:MAX_WORD],
        at=_clean(alert.at)[:MAX_WORD],
        title=_clean(alert.title)[:MAX_TITLE],
        text=_clean(alert.text)[:MAX_TEXT],
    )


def encode(alert: Alert) -> bytes:
    """Answer a `bounded` alert as one JSON document."""
    return orjson.dumps({"schema": SCHEMA, **orjson.loads(orjson.dumps(alert))})


def decode(raw: bytes) -> Alert:
    """Answer the alert that *raw* holds.

    Raises:
        EntryError: too long, not JSON, another schema, a missing key, a wrong type.
    """
    if len(raw) > MAX_BYTES:
        raise EntryError(f"longer than {MAX_BYTES} bytes")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise EntryError("not JSON") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise EntryError("another schema")
    try:
        check_bounds(document)
        return bounded(cast(Alert, _decode_alert(document, "alert")))
    except HeartbeatError as error:
        raise EntryError(error.reason) from error


def _clean(text: str) -> str:
    """Answer *text* without lone surrogates, which no JSON can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


_decode_alert = decoder_for(Alert)
