"""What a client may ask for once its session stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simcord.backend import Backend
from simcord.backend.errors import BackendError

from simulator.gateway import members
from simulator.gateway.protocol import Op
from simulator.gateway.session import Session

_DECODE_ERROR, _UNKNOWN_OPCODE = 4002, 4001


def answer(backend: Backend, session: Session, op: int, data: Any) -> int | None:
    """Carry out opcode *op*; answers a close code when the payload is not valid."""
    handler = _HANDLERS.get(op)
    if handler is None:
        return _UNKNOWN_OPCODE
    if not isinstance(data, dict):
        return _DECODE_ERROR
    try:
        handler(backend, session, data)
    except BackendError:
        return None  # Discord ignores a request for what does not exist
    except (KeyError, TypeError, ValueError):
        return _DECODE_ERROR
    return None


def _presence(_: Backend, session: Session, data: dict[str, Any]) -> None:
    if not isinstance(data["status"], str) or not isinstance(data["activities"], list):
        raise TypeError("status and activities")
    session.presence = data


def _members(backend: Backend, session: Session, data: dict[str, Any]) -> None:
    for chunk in members.chunks(backend, data):
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)


def _voice_state(backend: Backend, _: Session, data: dict[str, Any]) -> None:
    channel_id = data.get("channel_id")
    backend.set_voice_state(
        int(data["guild_id"]),
        backend.bot_user.id,
        None if channel_id is None else int(channel_id),
        self_mute=bool(data.get("self_mute")),
        self_deaf=bool(data.get("self_deaf")),
    )


def _sounds(_: Backend, session: Session, data: dict[str, Any]) -> None:
    for guild_id in data["guild_ids"]:
        session.dispatch("SOUNDBOARD_SOUNDS", {"guild_id": str(guild_id), "soundboard_sounds": []})


_HANDLERS: dict[int, Callable[[Backend, Session, dict[str, Any]], None]] = {
    Op.PRESENCE_UPDATE: _presence,
    Op.VOICE_STATE_UPDATE: _voice_state,
    Op.REQUEST_GUILD_MEMBERS: _members,
    Op.REQUEST_SOUNDBOARD_SOUNDS: _sounds,
}
