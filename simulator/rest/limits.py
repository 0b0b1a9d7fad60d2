"""Rate limits of REST: buckets, their headers, and the answer 429. Pure.

Source: Discord's documentation, "Rate Limits".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil

_MAJOR = {"channels": 1, "guilds": 1, "webhooks": 2, "interactions": 2}
_KEPT_BUCKETS = 4096
# discord.py takes a 429 without Via for one of Cloudflare's, as it is in reality.
VIA = {"Via": "1.1 google"}


@lru_cache(maxsize=4096)
def bucket_key(method: str, path: str) -> tuple[str, str]:
    """Answer the bucket's name, one per route, and the key of its count, with major ids.

    Discord's names are opaque hashes; these can be read.
    """
    segments = path.strip("/").split("/")
    major = _MAJOR.get(segments[0], 0)
    route = [
        segment if not _is_id(segment, index, major) else "id"
        for index, segment in enumerate(segments)
    ]
    name = "-".join((method, *route)).lower()
    return name, f"{name} {'/'.join(segments[1 : 1 + major])}"


def _is_id(segment: str, index: int, major: int) -> bool:
    return 0 < index <= major or segment.isdigit() or "%" in segment


@dataclass(slots=True, kw_only=True)
class Window:
    """Requests counted since `began_s`."""

    began_s: float
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a bucket says of one request."""

    allowed: bool
    limit: int
    remaining: int
    reset_after_s: float

    def headers(self, name: str, *, now_epoch_s: float) -> dict[str, str]:
        """Answer the `X-RateLimit-*` headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{now_epoch_s + self.reset_after_s:.3f}",
            "X-RateLimit-Reset-After": f"{self.reset_after_s:.3f}",
            "X-RateLimit-Bucket": name,
        }


@dataclass(slots=True, kw_only=True)
class Buckets:
    """Fixed windows by key; the oldest are forgotten past a bound."""

    _windows: dict[str, Window] = field(default_factory=dict)

    def take(self, key: str, *, limit: int, window_s: float, now_s: float) -> Verdict:
        """Count one request at *now_s*, refusing it past *limit* in *window_s*."""
        window = self._windows.get(key)
        if window is None or now_s - window.began_s >= window_s:
            self._windows.pop(key, None)
            window = self._windows[key] = Window(began_s=now_s)
            if len(self._windows) > _KEPT_BUCKETS:
                del self._windows[next(iter(self._windows))]
        allowed = window.used < limit
        window.used += allowed
        return Verdict(
            allowed=allowed,
            limit=limit,
            remaining=max(0, limit - window.used),
            reset_after_s=max(0.0, window.began_s + window_s - now_s),
        )


def refused_body(retry_after_s: float, *, is_global: bool) -> dict[str, object]:
    """Answer the JSON of a 429."""
    message = "You are being rate limited."
    return {"message": message, "retry_after": round(retry_after_s, 3), "global": is_global}


def refused_headers(retry_after_s: float, *, scope: str) -> dict[str, str]:
    """Answer the headers of a 429; *scope* is user, global or shared."""
    headers = {**VIA, "Retry-After": str(max(1, ceil(retry_after_s)))}
    headers["X-RateLimit-Scope"] = scope
    if scope == "global":
        headers["X-RateLimit-Global"] = "true"
    return headers


BAN_PAGE = """<!doctype html>
<html lang="en"><head><title>Access denied | discord.com used Cloudflare to restrict access</title>
</head><body><h1>Error 1015</h1><h2>You are being rate limited</h2></body></html>
"""
