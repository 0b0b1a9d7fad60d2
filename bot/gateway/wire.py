"""What the WebSockets of one shard share, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.gateway.arrivals import Arrivals
from bot.gateway.event import GatewayEvent, current_event, interaction_of
from bot.gateway.pace import Pace
from bot.gateway.quarantine import Quarantine, Quarantined
from bot.gateway.session import Dispatch, Journal

if TYPE_CHECKING:
    from bot.gateway.websocket import GatewaySocket
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)

DISPATCH = 0  # the opcode of events
QUIET_S = 60.0
LOGGED_AT_ONCE = 10


@dataclass(slots=True, kw_only=True)
class Wire:
    """Parts and counters that outlive a connection.

    Attributes:
        socket: The newest WebSocket, also while it is still being opened.
        broken_at: Sequence at which a payload was no JSON; the second one there is skipped.
        replayed: Events that came between RESUME and RESUMED.
    """

    shard_id: int
    tasks: TaskManager
    quarantine: Quarantine
    journal: Journal
    arrivals: Arrivals
    pace: Pace
    socket: GatewaySocket | None = None
    broken_at: tuple[int | None] | None = None
    last_event_s: float | None = None
    last_ack_s: float | None = None
    replayed: int = 0
    _told_s: float | None = None

    def deliver(self, dispatch: Dispatch, parse: Callable[[str, Any], None]) -> bool:
        """Parse one event; answers whether its parser took it, else it was set aside."""
        name, now_s = dispatch.name, self.pace.clock()
        self.last_event_s = now_s
        self.journal.on_dispatch(dispatch)
        self.arrivals.before(name)
        event = GatewayEvent(
            shard_id=self.shard_id,
            sequence=dispatch.sequence,
            name=name,
            received_at_s=now_s,
            interaction=interaction_of(name, dispatch.data),
        )
        token = current_event.set(event)
        try:
            parse(name, dispatch.data)
        # What discord.py's parsers and the client's own `dispatch` raise would end this connection,
        # and at the same event the next one.
        except Exception as error:  # noqa: BLE001 - none of that code is ours, it may raise anything
            self.set_aside(dispatch.raw, error=error, name=name, sequence=dispatch.sequence)
            return False
        finally:
            current_event.reset(token)
            self.arrivals.after(self.shard_id, name, dispatch.data)
        return True

    def set_aside(
        self,
        raw: str,
        *,
        error: Exception | str,
        name: str | None = None,
        sequence: int | None = None,
    ) -> None:
        """Put a payload into quarantine, and say so without quoting it."""
        entry = Quarantined(
            at_s=self.pace.wall_clock(),
            shard_id=self.shard_id,
            op=None if name is None else DISPATCH,
            event=name,
            sequence=sequence,
            error=error if isinstance(error, str) else repr(error),
            raw=raw,
        )
        self.quarantine.put(entry)
        now_s, count = self.pace.clock(), self.quarantine.count
        if count > LOGGED_AT_ONCE and self._told_s is not None and now_s - self._told_s < QUIET_S:
            return
        self._told_s = now_s
        # What an error says may quote the payload: that goes to the quarantine file alone.
        log.warning(
            "event.quarantined",
            shard_id=self.shard_id,
            gateway_event=name,
            sequence=sequence,
            error=error if isinstance(error, str) else type(error).__name__,
            where=None if isinstance(error, str) else _where(error),
            count=count,
        )


def _where(error: BaseException) -> str | None:
    """Answer the innermost line that raised *error*."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
