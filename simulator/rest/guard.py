"""What stands before every route: faults, the token, rate limits, the ban."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import orjson
from aiohttp import web

from simulator.portal import Portal
from simulator.rest.limits import (
    BAN_PAGE,
    Buckets,
    Verdict,
    bucket_key,
    refused_body,
    refused_headers,
)
from simulator.settings import SimulatorSettings
from simulator.switchboard import ActiveFault, Switchboard

_INVALID_WINDOW_S = 600.0
_LOGIN_PATH = "/users/@me"


def json_response(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """Answer JSON; discord.py insists on exactly `application/json`."""
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/json", headers=headers
    )


class Guard:
    """Decides whether a request reaches its route."""

    def __init__(self, settings: SimulatorSettings, portal: Portal, faults: Switchboard) -> None:
        self._settings, self._portal, self._faults = settings, portal, faults
        self._buckets = Buckets()
        self._invalid_at_s: deque[float] = deque()
        self.invalid_requests = 0

    def refuse_by_fault(self, method: str, path: str) -> web.Response | None:
        """Answer the error that a fault wants here."""
        strike = self._faults.strike_rest
        if fault := strike("cloudflare_ban", method, path):
            return self._banned(fault.number("retry_after_s"))
        if path == _LOGIN_PATH and (fault := strike("login_429", method, path)):
            return self._too_many(fault, scope="user")
        if fault := strike("global_429", method, path):
            return self._too_many(fault, scope="global")
        if fault := strike("route_429", method, path):
            return self._too_many(fault, scope="user")
        if fault := strike("fail_rest", method, path):
            status, code = int(fault.number("status")), int(fault.number("code"))
            return json_response(status, {"message": f"{status}: simulated", "code": code})
        return None

    def refuse_by_ban(self) -> web.Response | None:
        """Answer Cloudflare's page once there were too many invalid requests."""
        self._forget_old()
        if len(self._invalid_at_s) < self._settings.invalid_limit:
            return None
        return self._banned(self._invalid_at_s[0] + _INVALID_WINDOW_S - time.monotonic())

    def refuse_by_token(self, authorization: str) -> web.Response | None:
        """Answer 401 unless the header carries the bot's token."""
        scheme, _, token = authorization.partition(" ")
        if scheme == "Bot" and self._portal.accepts(token):
            return None
        return json_response(401, {"message": "401: Unauthorized", "code": 0})

    def take(self, method: str, path: str) -> tuple[web.Response | None, dict[str, str]]:
        """Count the request in its bucket; answers a 429 or None, and the headers."""
        now_s, settings = time.monotonic(), self._settings
        name, key = bucket_key(method, path)
        is_interaction = path.startswith("/interactions/")
        if settings.global_limit_per_s and not is_interaction:
            verdict = self._buckets.take(
                "global", limit=settings.global_limit_per_s, window_s=1.0, now_s=now_s
            )
            if not verdict.allowed:
                return self._over(verdict, scope="global", headers={}), {}
        fault = self._faults.strike_rest("bucket_limit", method, path)
        limit, window_s = settings.bucket_limit, settings.bucket_window_s
        if fault is not None:
            limit, window_s = int(fault.number("limit")), fault.number("window_s")
        verdict = self._buckets.take(key, limit=limit, window_s=window_s, now_s=now_s)
        headers = verdict.headers(name, now_epoch_s=time.time())
        if verdict.allowed:
            return None, headers
        return self._over(verdict, scope="user", headers=headers), headers

    def count_invalid(self, status: int) -> None:
        """Count an answer of 401, 403 or 429 towards the ban."""
        if status in (401, 403, 429):
            self.invalid_requests += 1
            self._invalid_at_s.append(time.monotonic())

    def _forget_old(self) -> None:
        horizon_s = time.monotonic() - _INVALID_WINDOW_S
        while self._invalid_at_s and self._invalid_at_s[0] < horizon_s:
            self._invalid_at_s.popleft()

    def _over(self, verdict: Verdict, *, scope: str, headers: dict[str, str]) -> web.Response:
        after_s = verdict.reset_after_s
        body = refused_body(after_s, is_global=scope == "global")
        return json_response(429, body, {**headers, **refused_headers(after_s, scope=scope)})

    def _too_many(self, fault: ActiveFault, *, scope: str) -> web.Response:
        after_s = fault.number("retry_after_s")
        body = refused_body(after_s, is_global=scope == "global")
        return json_response(429, body, refused_headers(after_s, scope=scope))

    def _banned(self, retry_after_s: float) -> web.Response:
        headers = {"Retry-After": str(round(retry_after_s)), "Server": "cloudflare"}
        return web.Response(status=429, text=BAN_PAGE, content_type="text/html", headers=headers)
