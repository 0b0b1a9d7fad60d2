"""The simulator: REST, gateway, control API and the chat page on loopback ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from simulator.control_api import ControlApi
from simulator.driver import Driver
from simulator.driver.base import Parts
from simulator.gateway.connection import reset
from simulator.gateway.hub import Hub
from simulator.journal import Log, Waiters
from simulator.listeners import Listeners
from simulator.portal import Portal
from simulator.rest.guard import Guard
from simulator.rest.routes import Routes
from simulator.rest.service import RestService
from simulator.settings import SimulatorSettings
from simulator.site import Site
from simulator.switchboard import Switchboard
from simulator.tracker import Tracker
from simulator.world import World

log = structlog.get_logger(__name__)

_MAX_BODY_BYTES = 64 << 20
_SHUTDOWN_S = 0.5
_GATEWAY_PATHS = ("/gateway", "/gateway/", "/resume", "/resume/")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Simulator:
    """A Discord on loopback, for as long as the context lasts.

    Three ports serve the same: the main one; the gateway's, which `GET /gateway/bot` names;
    and the control API's, which no fault closes.

        async with Simulator() as simulator:
            await simulator.driver.say("!ping", wait_s=5)

    Attributes:
        driver: Every verb of the control API, for tests in the same loop.
        world: The simulated world.
    """

    def __init__(self, settings: SimulatorSettings | None = None, /, **changes: object) -> None:
        """Take *settings*, or the defaults with *changes* (fields of SimulatorSettings)."""
        self.settings = settings or SimulatorSettings(**changes)  # type: ignore[arg-type]
        self.faults = Switchboard()
        self.waiters = Waiters()
        self.world = World(self.settings)
        self.portal = Portal(self.settings, self.faults)
        self.hub = Hub(
            settings=self.settings,
            world=self.world,
            portal=self.portal,
            faults=self.faults,
            waiters=self.waiters,
        )
        self._addresses: dict[str, str] = {}
        self._listeners = Listeners(self.settings.host)
        self._routes = Routes(self.world, self.hub)
        parts = self._assemble()
        self.driver = Driver(parts)
        self._runner = web.AppRunner(
            self._application(parts.rest), access_log=None, shutdown_timeout=_SHUTDOWN_S
        )

    def _assemble(self) -> Parts:
        """Answer what the verbs act on."""
        guard = Guard(self.settings, self.portal, self.faults)
        tracker = Tracker(self.settings, self.world, self.waiters)
        rest = RestService(
            guard=guard,
            routes=self._routes,
            faults=self.faults,
            waiters=self.waiters,
            entries=Log(self.settings.log_entries),
            on_change=tracker.on_request,
        )
        return Parts(
            settings=self.settings,
            world=self.world,
            hub=self.hub,
            portal=self.portal,
            faults=self.faults,
            waiters=self.waiters,
            tracker=tracker,
            rest=rest,
            guard=guard,
            addresses=self._addresses,
            listeners=self._listeners,
        )

    # ------------------------------------------------------------- addresses

    @property
    def api_url(self) -> str:
        """REST base, for `discord.http.Route.BASE`."""
        return self._addresses["api_url"]

    @property
    def gateway_url(self) -> str:
        """What `GET /gateway/bot` answers."""
        return self._addresses["gateway_url"]

    @property
    def control_url(self) -> str:
        """Base for `simulator.control.ControlClient`."""
        return self._addresses["control_url"]

    @property
    def token(self) -> str:
        """The token that opens the door now."""
        return self.portal.token

    @property
    def addresses(self) -> dict[str, str]:
        """Every address, as `python -m simulator` prints them."""
        return dict(self._addresses)

    # -------------------------------------------------------------- lifespan

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 - setup made it
        try:
            ports = {"main": self.settings.port, "gateway": 0, "control": 0}
            await self._listeners.start(self._runner.server, ports)
        except OSError:
            self._listeners.stop()
            await self._runner.cleanup()
            raise
        self._name_addresses()
        log.info("simulator.started", **self._addresses)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listeners.stop()
        self.waiters.close()
        self.faults.clear()
        await self.driver.stop()
        self.hub.close()
        await self._runner.cleanup()
        log.info("simulator.stopped")

    def _name_addresses(self) -> None:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        main, gateway, control = (
            f"{host}:{self._listeners.port(name)}" for name in ("main", "gateway", "control")
        )
        self._addresses.update(
            url=f"http://{main}",
            api_url=f"http://{main}/api/v10",
            gateway_url=f"ws://{gateway}/gateway",
            control_url=f"http://{control}/control",
        )
        self._routes.gateway_url = f"ws://{gateway}/gateway"
        self.hub.resume_url = f"ws://{gateway}/resume"
        self.hub.dead_url = f"ws://{host}:{self._listeners.reserve('dead')}/resume"

    def _application(self, rest: RestService) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[self._refuse])
        ControlApi(self.driver, self._addresses).add_to(app)
        Site(self.driver).add_to(app)
        for path in _GATEWAY_PATHS:
            app.router.add_get(path, self.hub.handle)
        app.router.add_route("*", "/api/{path:.*}", rest.handle)
        return app

    @web.middleware
    async def _refuse(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Reset what the fault `refuse` wants gone; a kept-alive connection too."""
        fault = self.faults.peek("refuse")
        if fault is not None:
            scope = fault.parameters["scope"]
            side = "rest" if request.path.startswith("/api/") else "gateway"
            refused = side == "rest" or request.path in _GATEWAY_PATHS
            if refused and scope in ("all", side):
                reset(request.transport)
                return web.Response(status=502)  # never arrives: the connection is gone
        try:
            return await handler(request)
        except (web.RequestPayloadError, ConnectionResetError):
            return web.Response(status=400)  # a body that can't be unpacked, or broke off
