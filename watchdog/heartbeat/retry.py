"""When the bot may try again, kept on disk so that a restart honours it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import orjson

from watchdog.heartbeat.clocks import Reading

SCHEMA = 1
MAX_WAIT_S = 24 * 3600.0  # Discord's longest documented wait; a longer one is not believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """No login before *retry_at_s* (Unix time, seconds); *reason* is a short word."""

    retry_at_s: float
    reason: str


def encode(retry: Retry, reading: Reading | None = None) -> bytes:
    """Answer *retry*, which holds by *reading*, as one JSON document."""
    document = {"schema": SCHEMA, "retry_at_s": retry.retry_at_s, "reason": retry.reason}
    return orjson.dumps(document | (reading.keys() if reading is not None else {}))


def decode(raw: bytes, *, now_s: float, reading: Reading | None = None) -> Retry | None:
    """Answer what *raw* asks for, or None when it is over, unreadable or not believable.

    Args:
        now_s: Unix time in seconds; more than `MAX_WAIT_S` ahead of it is not believed.
        reading: Of now. A wall clock that was set back does not make the wait longer.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    retry_at_s, reason = document.get("retry_at_s"), document.get("reason")
    if not isinstance(retry_at_s, int | float) or not isinstance(reason, str):
        return None
    if reading is not None:
        retry_at_s = min(retry_at_s, retry_at_s + reading.set_since(document))
    wait_s = retry_at_s - now_s
    if not math.isfinite(wait_s) or not 0 < wait_s <= MAX_WAIT_S:
        return None
    return Retry(retry_at_s=float(retry_at_s), reason=reason[:64])
