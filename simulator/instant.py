"""The faults that happen once, to the gateway connections that exist now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from simulator.faults import Value
from simulator.gateway.connection import Connection
from simulator.gateway.hub import Hub
from simulator.gateway.protocol import Op

Parameters = Mapping[str, Value]
_UNKNOWN_OP = 99


def _targets(hub: Hub, parameters: Parameters) -> list[Connection]:
    shard = parameters.get("shard")
    return hub.live(int(shard) if isinstance(shard, int) else None)


def _each(
    action: Callable[[Connection, Parameters], None],
) -> Callable[[Hub, Parameters], int]:
    """Answer a fault that does *action* to every connection, and says to how many."""

    def strike(hub: Hub, parameters: Parameters) -> int:
        targets = _targets(hub, parameters)
        for connection in targets:
            action(connection, parameters)
        return len(targets)

    return strike


def _event(name: str, data: Any) -> Callable[[Hub, Parameters], int]:
    """Answer a fault that dispatches an event to every session, numbered and replayed."""

    def strike(hub: Hub, parameters: Parameters) -> int:
        sessions = [each.session for each in _targets(hub, parameters) if each.session]
        for session in sessions:
            session.dispatch(str(parameters.get("event", name)), data(parameters))
        return len(sessions)

    return strike


def _invalid_session(connection: Connection, parameters: Parameters) -> None:
    resumable = parameters["resumable"] is True
    connection.send_op(Op.INVALID_SESSION, resumable)
    if not resumable and connection.session is not None:
        connection.end_session()


def _expire_sessions(hub: Hub, _: Parameters) -> int:
    count = len(hub.sessions)
    hub.sessions.clear()
    return count


def _guild_outage(hub: Hub, parameters: Parameters) -> int:
    sessions = [each.session for each in _targets(hub, parameters) if each.session]
    for session in sessions:
        for guild in hub.guilds_of(session):
            session.offer("GUILD_DELETE", {"id": str(guild.id), "unavailable": True})
        for_s = parameters["for_s"]
        hub.later(float(str(for_s)), partial(hub.announce_guilds, session, None))
    return len(sessions)


def _number(parameters: Parameters, key: str) -> int:
    return int(float(str(parameters[key])))


INSTANT: Mapping[str, Callable[[Hub, Parameters], int]] = {
    "drop_tcp": _each(lambda connection, _: connection.drop()),
    "close": _each(lambda connection, given: connection.close(_number(given, "code"))),
    "reconnect": _each(lambda connection, _: connection.send_op(Op.RECONNECT)),
    "invalid_session": _each(_invalid_session),
    "ask_heartbeat": _each(lambda connection, _: connection.send_op(Op.HEARTBEAT)),
    "expire_sessions": _expire_sessions,
    # An object without a single field: every parser that reads one fails on it.
    "malformed_event": _event("MESSAGE_CREATE", lambda _: {}),
    "unknown_event": _event("SOMETHING_NEW_CREATE", lambda _: {"id": "1", "new": [1, 2, 3]}),
    "unknown_op": _each(lambda connection, _: connection.send_op(_UNKNOWN_OP, {"new": True})),
    "huge_event": _event(
        "SOMETHING_HUGE_CREATE", lambda given: {"blob": "x" * _number(given, "size_bytes")}
    ),
    "not_json": _each(lambda connection, _: connection.send_raw(b'{"op": 0, "d": {', binary=False)),
    "bad_zlib": _each(
        lambda connection, _: connection.send_raw(b"\x07not zlib\x00\x00\xff\xff", binary=True)
    ),
    "guild_outage": _guild_outage,
}
