"""How many logins are still allowed, from those of the last 24 hours. Pure.

Discord resets the token of a bot that identifies more than 1000 times in 24 hours; the budget
stays far below, and counts over restarts. Times are Unix seconds, since they must hold across
boots; how far those are ahead of the monotonic clock is kept with them, so that a wall clock that
is set anew frees nothing within one boot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from watchdog.heartbeat.clocks import Reading

SCHEMA = 1
SHORT_WINDOW_S = 600.0
LONG_WINDOW_S = 24 * 3600.0
MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Logins allowed within 10 minutes and within 24 hours."""

    max_10_min: int = 10
    max_24_h: int = 200


def free_at_s(limits: Limits, history: Sequence[float], *, now_s: float) -> float | None:
    """Answer when the next login is allowed (Unix time), None for now.

    Args:
        limits: What is allowed.
        history: Times of earlier logins, Unix time in seconds, in any order.
        now_s: Unix time in seconds.
    """
    known = prune(history, now_s=now_s)
    waits = [
        known[-most] + window_s
        for most, window_s in (
            (limits.max_10_min, SHORT_WINDOW_S),
            (limits.max_24_h, LONG_WINDOW_S),
        )
        if len(known) >= most and now_s - known[-most] < window_s
    ]
    return max(waits, default=None)


def prune(history: Sequence[float], *, now_s: float) -> tuple[float, ...]:
    """Answer the times that still count, in order; one in the future counts as now."""
    known = sorted(min(at_s, now_s) for at_s in history if now_s - at_s < LONG_WINDOW_S)
    return tuple(known[-MAX_ENTRIES:])


def moved(history: Sequence[float], *, by_s: float) -> tuple[float, ...]:
    """Answer *history* after the wall clock was set *by_s* seconds ahead."""
    return tuple(at_s + by_s for at_s in history)


def encode(history: Sequence[float], reading: Reading | None = None) -> bytes:
    """Answer *history*, which holds by *reading*, as one JSON document."""
    document: dict[str, Any] = {"schema": SCHEMA, "identified_at_s": list(history)}
    return orjson.dumps(document | (reading.keys() if reading is not None else {}))


def decode(
    raw: bytes, *, limits: Limits, now_s: float, reading: Reading | None = None
) -> tuple[float, ...]:
    """Answer the history in *raw*; what can't be read is taken for one login short of the limit.

    One login is left then: a bot must start, and a file that is broken at every start must not
    become a way around the budget.

    Args:
        reading: Of now; times of the same boot are moved to what the wall clock says by now.
    """
    known = _read(raw, reading)
    if known is None:
        return (now_s,) * (limits.max_10_min - 1)
    return prune(known, now_s=now_s)


def _read(raw: bytes, reading: Reading | None) -> list[float] | None:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    times = document.get("identified_at_s")
    if not isinstance(times, list) or len(times) > MAX_ENTRIES:
        return None
    if not all(type(at_s) in (int, float) and math.isfinite(at_s) for at_s in times):
        return None
    by_s = reading.set_since(document) if reading is not None else 0.0
    return [float(at_s) + by_s for at_s in times]
