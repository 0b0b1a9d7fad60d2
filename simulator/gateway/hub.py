"""The gateway's centre: connections, sessions, and every event to every session."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import web
from simcord.backend import serializers

from simulator.gateway.connection import Connection
from simulator.gateway.handshake import Handshake
from simulator.gateway.protocol import VERSIONS, Op, ends_session, shard_of
from simulator.gateway.requests import answer
from simulator.gateway.session import Session
from simulator.gateway.starts import SessionStarts
from simulator.journal import Log, Waiters
from simulator.portal import Portal
from simulator.settings import SimulatorSettings
from simulator.switchboard import Switchboard
from simulator.world import World


class Hub:
    """Serves `/gateway`; subscribed to everything that happens in the world.

    Attributes:
        resume_url: What READY names as `resume_gateway_url`; set once the ports are known.
        dead_url: An address where nobody listens, for the fault `dead_resume_url`.
        counts: connects, identifies, resumes, resumed, invalid_sessions, closes, drops.
    """

    def __init__(
        self,
        *,
        settings: SimulatorSettings,
        world: World,
        portal: Portal,
        faults: Switchboard,
        waiters: Waiters,
    ) -> None:
        self.settings, self.world, self.portal, self.faults = settings, world, portal, faults
        self.starts = SessionStarts(settings)
        self.log = Log(settings.log_entries)
        self.counts: Counter[str] = Counter()
        self.connections: dict[int, Connection] = {}
        self.sessions: dict[str, Session] = {}
        self.resume_url = self.dead_url = ""
        self._waiters = waiters
        self._timers: set[asyncio.TimerHandle] = set()
        self._handshake = Handshake(self)
        world.backend.subscribers.append(self.publish)

    @property
    def heartbeat_limit_s(self) -> float:
        """Seconds after which a client that does not heartbeat is closed."""
        return self.settings.heartbeat_interval_s * self.settings.heartbeat_grace

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket."""
        compress = request.query.get("compress")
        if compress not in (None, "zlib-stream"):
            return web.Response(status=400, text="compress must be zlib-stream")
        self.faults.connections += 1
        connection = Connection(
            self, request, number=self.faults.connections, compressed=compress is not None
        )
        self.connections[connection.number] = connection
        self.note("connect", connection)
        return await connection.run()

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        """Offer an event of the world to every session."""
        if event == "GUILD_CREATE":
            # A guild that is joined carries no `unavailable`; one that READY named says false.
            data = {key: value for key, value in data.items() if key != "unavailable"}
        for session in tuple(self.sessions.values()):
            session.offer(event, data)

    def note(self, what: str, connection: Connection | None = None, **fields: Any) -> None:
        """Count, log and tell those who wait."""
        self.counts[what] += 1
        number = None if connection is None else connection.number
        self.log.add(event=what, connection=number, **fields)
        self._waiters.ring("gateway")

    # ---------------------------------------------------------- connections

    def greet(self, connection: Connection) -> None:
        """Begin a connection with HELLO."""
        version = connection.query.get("v", "10")
        connection.send_op(
            Op.HELLO, {"heartbeat_interval": round(self.settings.heartbeat_interval_s * 1000)}
        )
        fault = self.faults.strike("close_after_hello", connection=connection.number)
        if fault is not None:
            connection.close(int(fault.number("code")) if "code" in fault.parameters else 1001)
        elif version not in VERSIONS:
            connection.close(4012)

    def receive(self, connection: Connection, op: int, data: Any) -> None:
        """Act on one payload of a client."""
        if op == Op.HEARTBEAT:
            connection.beat()
            if self.faults.strike("no_acks", connection=connection.number) is None:
                connection.send_op(Op.HEARTBEAT_ACK)
            return
        if op in (Op.IDENTIFY, Op.RESUME):
            if connection.session is not None:
                connection.close(4005)
            elif op == Op.IDENTIFY:
                self._handshake.identify(connection, data)
            else:
                self._handshake.resume(connection, data)
            return
        if connection.session is None:
            connection.close(4003)
            return
        close_code = answer(self.world.backend, connection.session, op, data)
        self.note("received", connection, op=op)
        if close_code is not None:
            connection.close(close_code)

    async def stall(self, connection: Connection) -> None:
        """Hold a payload back while a fault says so."""
        silent = partial(self.faults.peek, "silent_gateway", connection=connection.number)
        while silent() is not None:  # noqa: ASYNC110 - `for_s` ends by the clock alone
            await asyncio.sleep(0.02)
        fault = self.faults.strike("slow_gateway", connection=connection.number)
        if fault is not None:
            await asyncio.sleep(fault.number("delay_s"))

    def forget(self, connection: Connection) -> None:
        """Note the end of a connection, and of its session when the code says so."""
        self.connections.pop(connection.number, None)
        code = connection.close_code or 1006
        by_client = connection.closed_by_client
        self.note("disconnect", connection, code=code, by_client=by_client)
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.detach()
        if ends_session(code, by_client=by_client):
            self.sessions.pop(session.id, None)

    # ------------------------------------------------------------- sessions

    def guilds_of(self, session: Session) -> list[Any]:
        """Answer the guilds on the session's shard."""
        return [
            guild
            for guild in self.world.backend.guilds.values()
            if shard_of(guild.id, session.shard_count) == session.shard_id
        ]

    def announce_guilds(self, session: Session, delay_s: float | None) -> None:
        """Send every GUILD_CREATE, *delay_s* late; 0 is never, None at once."""
        for guild in self.guilds_of(session):
            if delay_s is None:
                self._announce(session, guild.id)
            elif delay_s > 0:
                self.later(delay_s, partial(self._announce, session, guild.id))

    def _announce(self, session: Session, guild_id: int) -> None:
        guild = self.world.backend.guilds.get(guild_id)
        if guild is not None:
            session.offer(
                "GUILD_CREATE", serializers.guild_create_payload(self.world.backend, guild)
            )

    def prune(self) -> None:
        """Forget the sessions whose time to resume is over."""
        for session in tuple(self.sessions.values()):
            if session.expired(self.settings.resume_window_s):
                del self.sessions[session.id]

    def end_all_sessions(self) -> None:
        """End every session, as Discord does when it resets a token."""
        for session in tuple(self.sessions.values()):
            if session.connection is not None:
                session.connection.close(4004)
        self.sessions.clear()

    def live(self, shard: int | None = None) -> list[Connection]:
        """Answer the open connections, of one shard if it is given."""
        return [
            each
            for each in self.connections.values()
            if shard is None or (each.session is not None and each.session.shard_id == shard)
        ]

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do *action* after *delay_s*, unless the hub closes first."""

        def run() -> None:
            self._timers.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(delay_s, run)
        self._timers.add(handle)

    def close(self) -> None:
        """Drop every connection and forget every timer."""
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()
        for connection in tuple(self.connections.values()):
            connection.drop()
