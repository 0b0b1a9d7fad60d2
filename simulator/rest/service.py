"""The REST endpoint: one handler under `/api/v10` for every route."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import unquote

import structlog
from aiohttp import web
from simcord.backend.errors import BackendError, SetupError
from simcord.http import RouteNotImplemented, UnsupportedField

from simulator.gateway.connection import reset
from simulator.journal import Log, Waiters
from simulator.rest.bodies import read_body
from simulator.rest.guard import Guard, json_response
from simulator.rest.routes import Routes
from simulator.switchboard import Switchboard

log = structlog.get_logger(__name__)

_PREFIX = re.compile(r"^/api/v\d+")
# These carry their authority in the path, or need none.
_OPEN = re.compile(r"^(/interactions/\d+/[^/]+/callback|/webhooks/\d+/[^/]+(/.*)?|/gateway)$")


class RestService:
    """Answers REST requests through the guard, and logs each of them."""

    def __init__(
        self,
        *,
        guard: Guard,
        routes: Routes,
        faults: Switchboard,
        waiters: Waiters,
        entries: Log,
        on_change: Callable[[str, str], None],
    ) -> None:
        self.entries = entries
        self.in_flight = 0
        self._guard, self._routes, self._faults = guard, routes, faults
        self._waiters, self._on_change = waiters, on_change

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = _PREFIX.sub("", request.rel_url.raw_path)
        method, began_s = request.method, time.monotonic()
        self.in_flight += 1
        try:
            response = await self._respond(request, method, path)
        finally:
            self.in_flight -= 1
        status = 0 if response is None else response.status
        self.entries.add(
            method=method,
            path=path,
            status=status,
            began_s=began_s,
            duration_s=time.monotonic() - began_s,
        )
        self._waiters.ring("rest")
        if response is None:
            reset(request.transport)
            return web.Response(status=502)  # never arrives: the connection is gone
        self._guard.count_invalid(response.status)
        off = self._faults.strike_rest("wrong_date", method, path)
        if off is not None:
            response.headers["Date"] = formatdate(time.time() + off.number("offset_s"), usegmt=True)
        return response

    async def _respond(self, request: web.Request, method: str, path: str) -> web.Response | None:
        """Answer the response, None when the connection is to be reset."""
        dropped = self._faults.strike_rest("drop_rest", method, path)
        if dropped is not None and dropped.parameters["when"] == "before":
            return None
        slow = self._faults.strike_rest("slow_rest", method, path)
        if slow is not None:
            await asyncio.sleep(slow.number("delay_s"))
        guard = self._guard
        refused = guard.refuse_by_fault(method, path) or guard.refuse_by_ban()
        if refused is None and not _OPEN.match(path):
            refused = guard.refuse_by_token(request.headers.get("Authorization", ""))
        if refused is not None:
            await request.read()
            return refused
        refused, headers = guard.take(method, path)
        if refused is not None:
            return refused
        response = await self._answer(request, method, path, headers)
        return None if dropped is not None else response

    async def _answer(
        self, request: web.Request, method: str, path: str, headers: dict[str, str]
    ) -> web.Response:
        try:
            json, files = await read_body(request)
            reason = request.headers.get("X-Audit-Log-Reason")
            body = self._routes.answer(
                method,
                path,
                json=json,
                params=dict(request.query),
                files=files,
                reason=None if reason is None else unquote(reason),
            )
        except BackendError as error:
            return json_response(error.status, error.to_json(), headers)
        except (RouteNotImplemented, UnsupportedField, NotImplementedError) as error:
            log.warning("route.not_simulated", method=method, path=path, reason=str(error))
            return json_response(501, {"message": f"not simulated: {error}", "code": 0}, headers)
        except (SetupError, KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("body.refused", method=method, path=path, error=type(error).__name__)
            detail = {"message": f"Invalid Form Body: {error}", "code": 50035}
            return json_response(400, detail, headers)
        self._on_change(method, path)
        if body is None:
            return web.Response(status=204, headers=headers)
        return json_response(200, body, headers)
