"""Which gateway event is being handled: set before it is parsed, inherited by its tasks."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from bot.gateway.journal.state_events import as_id


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionKey:
    """What answering an interaction takes; *type* as Discord numbers it (2: a command)."""

    id: int
    type: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEvent:
    """An event of the gateway.

    Attributes:
        shard_id: 0 for a client without shards.
        sequence: Within the session of that shard.
        name: Such as ``MESSAGE_CREATE``.
        received_at_s: Monotonic time in seconds.
        interaction: For ``INTERACTION_CREATE`` only.
        session_id: Of the session that numbered it.
        attempt: 1 for an event that is handled for the first time, 2 and more for one that an
            earlier process did not finish.
    """

    shard_id: int
    sequence: int
    name: str
    received_at_s: float
    interaction: InteractionKey | None = None
    session_id: str = field(default="", repr=False)
    attempt: int = 1


current_event: ContextVar[GatewayEvent | None] = ContextVar("current_event", default=None)


def redelivered() -> bool:
    """Answer whether an earlier process died while it handled the event that is handled now.

    Also true in tasks that its handlers start; False outside of events.
    """
    event = current_event.get()
    return event is not None and event.attempt > 1


def interaction_of(name: str, data: Any) -> InteractionKey | None:
    """Answer the key in an ``INTERACTION_CREATE``, None for other or malformed events."""
    if name != "INTERACTION_CREATE" or not isinstance(data, dict):
        return None
    token, kind, number = data.get("token"), data.get("type"), as_id(data.get("id"))
    if not isinstance(token, str) or type(kind) is not int or number is None:
        return None
    return InteractionKey(id=number, type=kind, token=token)
