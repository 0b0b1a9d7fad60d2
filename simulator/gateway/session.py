"""A session: its numbered events, and those it can still replay."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import discord
import orjson
from simcord.backend import Backend

from simulator.gateway.protocol import Identify, Op, payload
from simulator.gateway.shaping import is_for_shard, shape

if TYPE_CHECKING:
    from simulator.gateway.connection import Connection


class Session:
    """What an IDENTIFY began; outlives its connections while it can be resumed.

    Attributes:
        connection: The connection that serves it, None while it is dropped.
        dropped_at_s: Monotonic time of the drop, None while it is connected.
        sequence: Number of its newest event.
    """

    def __init__(self, backend: Backend, identify: Identify, *, buffer_events: int) -> None:
        self.id = secrets.token_hex(16)
        self.shard_id, self.shard_count = identify.shard_id, identify.shard_count
        self.intents = discord.Intents._from_value(identify.intents)
        self.sequence = 0
        self.created_at_s = time.monotonic()
        self.dropped_at_s: float | None = None
        self.connection: Connection | None = None
        self.presence: Mapping[str, Any] = {}
        self.resumes = 0
        self._backend = backend
        self._buffer: deque[tuple[int, bytes]] = deque(maxlen=buffer_events)

    def offer(self, event: str, data: Mapping[str, Any]) -> None:
        """Number and send an event of the world, if this session may see it."""
        if not is_for_shard(event, data, self.shard_id, self.shard_count):
            return
        shaped = shape(self._backend, self.intents, event, data)
        if shaped is not None:
            self.dispatch(event, shaped)

    def dispatch(self, event: str, data: Any) -> None:
        """Number an event, keep it for a replay, and send it when connected."""
        self.sequence += 1
        frame = orjson.dumps(payload(Op.DISPATCH, data, event=event, sequence=self.sequence))
        self._buffer.append((self.sequence, frame))
        if self.connection is not None:
            self.connection.send(frame)

    def missed(self, sequence: int) -> list[bytes] | None:
        """Answer the events after *sequence*, None when some are no longer kept."""
        if sequence == self.sequence:
            return []
        if not self._buffer or self._buffer[0][0] > sequence + 1:
            return None
        return [frame for number, frame in self._buffer if number > sequence]

    def attach(self, connection: Connection) -> None:
        """Serve this session by *connection* from now on."""
        self.connection, self.dropped_at_s = connection, None

    def detach(self) -> None:
        """Note that the connection is gone; events are kept for a RESUME."""
        self.connection, self.dropped_at_s = None, time.monotonic()

    def expired(self, window_s: float) -> bool:
        """Answer whether it was dropped longer than *window_s* ago."""
        return self.dropped_at_s is not None and time.monotonic() - self.dropped_at_s > window_s

    def as_json(self) -> dict[str, Any]:
        """Answer what the control API shows."""
        return {
            "id": self.id,
            "shard": [self.shard_id, self.shard_count],
            "intents": self.intents.value,
            "sequence": self.sequence,
            "buffered": len(self._buffer),
            "connected": self.connection is not None,
            "created_at_s": self.created_at_s,
            "dropped_at_s": self.dropped_at_s,
            "resumes": self.resumes,
            "presence": dict(self.presence),
        }
