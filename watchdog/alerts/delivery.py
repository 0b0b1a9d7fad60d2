"""What became of one attempt to deliver, read from an answer nobody trusts. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

MAX_RETRY_AFTER_S = 3600.0  # a longer wait is not believed: it would silence us for a typing error
OFF_STATUSES = frozenset({401, 404, 410})  # Discord: the webhook is deleted, or its token wrong
AGAIN_STATUSES = frozenset({403, 408, 409, 421, 423, 425})  # 403 is Cloudflare's, and it passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; header names are in small letters, *body* is cut off at a limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The other side has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """Not this time; *after_s* is what the other side asks for, None when it says nothing."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """This message will never be taken; the next one may be."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The address itself is gone; nothing sent there will ever arrive."""

    reason: str


Delivery = Delivered | TryAgain | Refused | Closed


def judge(answer: Answer) -> Delivery:
    """Answer what *answer* means for the message and for those after it.

    A redirect is not followed: the address is a secret, and whoever answers for it could send it,
    and every alert, anywhere. It counts as unreachable until the setting names the new address.
    """
    status = answer.status
    reason = f"http_{status}"
    if 200 <= status < 300:
        return Delivered()
    if status == 429:
        return TryAgain(reason="rate_limited", after_s=retry_after_s(answer))
    if 300 <= status < 400:
        return TryAgain(reason="redirected")
    if status in OFF_STATUSES:
        return Closed(reason=reason)
    if status in AGAIN_STATUSES or not 400 <= status < 500:
        return TryAgain(reason=reason, after_s=retry_after_s(answer))
    return Refused(reason=reason)


def retry_after_s(answer: Answer) -> float | None:
    """Answer the longest wait that header or JSON asks for in seconds, None when neither does.

    Discord documents `Retry-After` (whole seconds) and `retry_after` (fractions) together; the
    date form of the header is not used by it and is ignored.
    """
    asked = [_seconds(answer.headers.get("retry-after"))]
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict):
        asked.append(_seconds(document.get("retry_after")))
    waits = [wait_s for wait_s in asked if wait_s is not None]
    return min(max(waits), MAX_RETRY_AFTER_S) if waits else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
