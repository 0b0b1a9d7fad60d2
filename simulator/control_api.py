"""The control API: every verb of the driver as `POST /control/VERB`, with JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web
from pydantic import ConfigDict, ValidationError, validate_call

from simulator.driver import Driver
from simulator.errors import SimulatorError
from simulator.settings import is_loopback

Call = Callable[..., Awaitable[Any]]

# What needs no body can be read with GET as well, parameters in the query.
READABLE = frozenset(
    {
        "commands",
        "faults",
        "gateway_log",
        "interaction",
        "interactions",
        "message",
        "messages",
        "rest_log",
        "stats",
        "tally",
        "wait_for_change",
        "wait_for_gateway",
        "wait_for_interaction",
        "wait_for_message",
        "wait_for_rest",
        "world",
    }
)
CHANGING = frozenset(
    {
        "add_channel",
        "add_guild",
        "add_role",
        "add_user",
        "advance_clock",
        "autocomplete",
        "clear_fault",
        "clear_faults",
        "click",
        "context_menu",
        "delete",
        "edit",
        "fault",
        "load",
        "portal",
        "react",
        "remove_guild",
        "remove_member",
        "say",
        "select",
        "session_start_limit",
        "slash",
        "submit_modal",
    }
)


class ControlApi:
    """Maps requests to verbs; wrong input is 400 with the reason, in JSON."""

    def __init__(self, driver: Driver, addresses: Mapping[str, str]) -> None:
        self._driver, self._addresses = driver, addresses
        self._checked: dict[str, Call] = {}  # made when first called: all take 20 ms

    def add_to(self, app: web.Application) -> None:
        """Add the API's routes."""
        app.router.add_get("/control", self._index)
        app.router.add_get("/control/{verb}", self._call)
        app.router.add_post("/control/{verb}", self._call)

    async def _index(self, request: web.Request) -> web.Response:
        """Answer the addresses and what the verbs take."""
        verbs = {}
        for name in sorted(READABLE | CHANGING):
            verb = getattr(self._driver, name)
            summary = (inspect.getdoc(verb) or "").partition("\n")[0]
            verbs[name] = {"summary": summary, "parameters": _parameters(verb)}
        return _json(200, {**self._addresses, "verbs": verbs})

    async def _call(self, request: web.Request) -> web.Response:
        refusal = _refuse_strangers(request)
        if refusal is not None:
            return _error(403, refusal)
        name = request.match_info["verb"]
        if name not in READABLE | CHANGING:
            return _error(404, f"no verb is named {name!r}; GET /control lists them")
        try:
            given = await self._arguments(request, name)
            return _json(200, await self._verb(name)(**given))
        except ValidationError as error:
            return _error(400, _explain(error))
        except (SimulatorError, ValueError) as error:
            return _error(400, str(error))

    def _verb(self, name: str) -> Call:
        """Answer the driver's verb, which then refuses wrong arguments."""
        if name not in self._checked:
            config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
            self._checked[name] = validate_call(config=config)(getattr(self._driver, name))
        return self._checked[name]

    async def _arguments(self, request: web.Request, name: str) -> dict[str, Any]:
        if request.method == "GET":
            if name not in READABLE:
                raise ValueError(f"{name} changes the world: use POST")
            return dict(request.query)
        raw = await request.read()
        given = orjson.loads(raw) if raw else {}
        if not isinstance(given, dict):
            raise ValueError("the body must be a JSON object")
        return given


def _parameters(verb: Call) -> list[str]:
    signature = inspect.signature(verb, eval_str=True)
    return [str(parameter) for parameter in signature.parameters.values()]


def _refuse_strangers(request: web.Request) -> str | None:
    """Answer why a request is not served: a web page elsewhere must not drive this."""
    host = request.host.rpartition(":")[0] or request.host
    if not is_loopback(host.strip("[]")):
        return f"the control API is served on loopback only, not as {host}"
    origin = request.headers.get("Origin")
    if origin is not None and _netloc(origin) != request.host:
        return "requests of other origins are refused"
    return None


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()
    )


def _json(status: int, body: Any) -> web.Response:
    try:
        raw = orjson.dumps(body)
    except TypeError:  # an integer of 65 bits, or half of a surrogate pair: it is told as it came
        raw = json.dumps(body).encode()
    return web.Response(status=status, body=raw, content_type="application/json")


def _error(status: int, message: str) -> web.Response:
    return _json(status, {"error": message})
