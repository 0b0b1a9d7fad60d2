"""IDENTIFY and RESUME: who may have a session, and which one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simcord.backend import serializers

from simulator.gateway.protocol import (
    Identify,
    Op,
    application_flags,
    disallowed,
    parse_identify,
    parse_resume,
)
from simulator.gateway.session import Session

if TYPE_CHECKING:
    from simulator.gateway.connection import Connection
    from simulator.gateway.hub import Hub


class Handshake:
    """Begins and continues sessions, within the limits of the portal."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def identify(self, connection: Connection, data: Any) -> None:
        """Begin a session, or close with the code that says why not."""
        hub = self._hub
        wanted = parse_identify(data)
        hub.note("identify", connection, valid=not isinstance(wanted, int))
        if isinstance(wanted, int):
            connection.close(wanted)
            return
        if not hub.portal.accepts(wanted.token):
            connection.close(4004)
            return
        if not self._may_start(connection, wanted):
            return
        if disallowed(wanted.intents, hub.portal.approved_now()):
            connection.close(4014)
            return
        fault = hub.faults.strike("close_after_identify", connection=connection.number)
        if fault is not None:
            connection.close(int(fault.number("code")))
            return
        if hub.faults.strike("no_ready", connection=connection.number) is None:
            self._begin(connection, wanted, data)

    def _may_start(self, connection: Connection, wanted: Identify) -> bool:
        """Spend one start. Past the limit Discord ends every session and resets the token."""
        hub = self._hub
        if hub.starts.too_soon(wanted.shard_id):
            hub.note("invalid_session", connection, reason="identify rate")
            connection.send_op(Op.INVALID_SESSION, False)
            return False
        if hub.faults.strike("identifies_spent") is not None or not hub.starts.spend():
            hub.portal.reset_token()
            hub.note("token_reset", connection)
            hub.end_all_sessions()
            connection.close(4004)
            return False
        return True

    def _begin(self, connection: Connection, wanted: Identify, data: dict[str, Any]) -> None:
        hub = self._hub
        hub.prune()
        session = Session(hub.world.backend, wanted, buffer_events=hub.settings.buffer_events)
        presence = data.get("presence")
        session.presence = presence if isinstance(presence, dict) else {}
        hub.sessions[session.id] = session
        connection.session = session
        session.attach(connection)
        dead = hub.faults.strike("dead_resume_url", connection=connection.number)
        session.dispatch("READY", self._ready(session, hub.dead_url if dead else hub.resume_url))
        hub.note("ready", connection, session=session.id)
        late = hub.faults.strike("delayed_guilds", connection=connection.number)
        hub.announce_guilds(session, None if late is None else late.number("delay_s"))

    def _ready(self, session: Session, resume_url: str) -> dict[str, Any]:
        hub = self._hub
        backend = hub.world.backend
        return {
            "v": 10,
            "user": serializers.user_payload(backend.bot_user),
            "guilds": [
                {"id": str(guild.id), "unavailable": True} for guild in hub.guilds_of(session)
            ],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": resume_url,
            "shard": [session.shard_id, session.shard_count],
            "application": {
                "id": str(backend.application_id),
                "flags": application_flags(hub.portal.approved_now()),
            },
            "private_channels": [],
            "relationships": [],
            "user_settings": {},
            "_trace": ["simulator"],
        }

    def resume(self, connection: Connection, data: Any) -> None:
        """Continue a session: what it missed, then RESUMED; else op 9 false."""
        hub = self._hub
        wanted = parse_resume(data)
        hub.note("resume", connection, valid=not isinstance(wanted, int))
        if isinstance(wanted, int):
            connection.close(wanted)
            return
        if not hub.portal.accepts(wanted.token):
            connection.close(4004)
            return
        if hub.faults.strike("no_resumed", connection=connection.number) is not None:
            return
        hub.prune()
        session = hub.sessions.get(wanted.session_id)
        refused = hub.faults.strike("refuse_resume", connection=connection.number) is not None
        if session is not None and wanted.sequence > session.sequence:
            del hub.sessions[session.id]
            connection.close(4007)
            return
        missed = None if session is None or refused else session.missed(wanted.sequence)
        if session is None or missed is None:
            hub.sessions.pop(wanted.session_id, None)
            hub.note("invalid_session", connection, reason="not resumable")
            connection.send_op(Op.INVALID_SESSION, False)
            return
        self._continue(connection, session, missed)

    def _continue(self, connection: Connection, session: Session, missed: list[bytes]) -> None:
        old = session.connection
        session.attach(connection)
        connection.session = session
        if old is not None:
            old.close(4000)
        session.resumes += 1
        for frame in missed:
            connection.send(frame)
        session.dispatch("RESUMED", {"_trace": ["simulator"]})
        self._hub.note("resumed", connection, session=session.id, replayed=len(missed))
