"""What the WebSockets of one shard share, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import discord
import structlog

from bot.gateway.arrivals import Arrivals
from bot.gateway.delivery import Delivery
from bot.gateway.event import GatewayEvent, current_event, interaction_of
from bot.gateway.fate import fate
from bot.gateway.muting import HANDLERS_ONLY, muted
from bot.gateway.pace import Pace
from bot.gateway.quarantine import Quarantine, Quarantined
from bot.gateway.session import Dispatch, Journal, Marks
from bot.gateway.suspects import DEFERRABLE, Suspect, Suspects

if TYPE_CHECKING:
    from bot.gateway.websocket import GatewaySocket
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)

DISPATCH = 0  # the opcode of events
QUIET_S = 60.0
WARY_S = 1.0
LOGGED_AT_ONCE = 10
SESSION_EVENTS = frozenset({"READY", "RESUMED"})

Parse = Callable[[str, Any], None]


@dataclass(slots=True, kw_only=True)
class Wire:
    """Parts and counters that outlive a connection.

    Attributes:
        socket: The newest WebSocket, also while it is still being opened.
        marks: How far an earlier process came, until RESUMED or READY.
        handlers: Set once events may be handed over.
        broken_at: Sequence at which a payload was no JSON; the second one there is skipped.
        replayed: Events that came between RESUME and RESUMED.
        redelivered: Of these, handed to handlers again.
        skipped: Of these, given to the cache alone.
        poisoned: Of these, set aside.
    """

    shard_id: int
    client: discord.Client
    quarantine: Quarantine
    journal: Journal
    delivery: Delivery
    arrivals: Arrivals
    tasks: TaskManager
    pace: Pace
    marks: Marks | None = None
    handlers: asyncio.Event
    reached: Callable[[str], None] = lambda _stage: None
    socket: GatewaySocket | None = None
    broken_at: tuple[int | None] | None = None
    last_event_s: float | None = None
    last_ack_s: float | None = None
    replayed: int = 0
    redelivered: int = 0
    skipped: int = 0
    poisoned: int = 0
    suspects: Suspects = field(init=False)
    _told_s: float | None = None
    _wary_until_s: float = 0.0

    def __post_init__(self) -> None:
        self.suspects = Suspects(self)

    def silence_s(self) -> float | None:
        """Answer the seconds since the last event, of this process or the one before it."""
        if self.last_event_s is not None:
            return max(0.0, self.pace.clock() - self.last_event_s)
        if self.marks is not None:
            return max(0.0, self.pace.wall_clock() - self.marks.received_at_s)
        return None

    @property
    def is_replaying(self) -> bool:
        """Whether the next event is one for `deliver_again`.

        For a moment after RESUMED too: a process may have died right after one, of an event of
        which nothing was written any more, and a replay may have that RESUMED within it.
        """
        return self.marks is not None or self.pace.clock() < self._wary_until_s

    async def deliver_again(self, dispatch: Dispatch, parse: Parse) -> bool:
        """Do with a replayed event what an earlier process left to do; answers as `deliver`."""
        marks = self.marks
        if dispatch.name in SESSION_EVENTS:
            taken = self.deliver(dispatch, parse)
            if marks is not None and not _is_earlier(dispatch, marks):
                self.marks = None
                self._wary_until_s = 0.0 if marks.clean else self.pace.clock() + WARY_S
                self.suspects.hand_over()
            return taken
        if marks is None:
            await self.note_attempt(dispatch, 1)
            return self.deliver(dispatch, parse, begun=True)
        what = fate(marks, dispatch.sequence)
        self.reached("first_event")
        if what.way != "handle":
            if what.way == "poisoned":
                await self._poison(dispatch)
            else:
                self.skipped += 1
            return self._to_cache(dispatch, parse)
        self.redelivered += what.again
        if what.alone:
            suspect = Suspect(dispatch=dispatch, parse=parse, attempt=what.attempt)
            if dispatch.name not in DEFERRABLE:
                return await self.suspects.alone(suspect)
            self.suspects.put(suspect)
            return True
        if what.recorded:
            await self.note_attempt(dispatch, what.attempt)
        event = self.event_of(dispatch, attempt=max(what.attempt, 1 + what.again))
        return self.deliver(dispatch, parse, event=event, begun=what.recorded)

    async def note_attempt(self, dispatch: Dispatch, attempt: int) -> None:
        """Have it on disk that the event is begun: should it kill, that must be known."""
        self.journal.on_begun(self.shard_id, dispatch.sequence, attempt)
        await self.journal.flush()

    def deliver(
        self,
        dispatch: Dispatch,
        parse: Parse,
        *,
        event: GatewayEvent | None = None,
        begun: bool = False,
    ) -> bool:
        """Parse one event; answers whether its parser took it, else it was set aside.

        Args:
            event: What handlers see as `current_event`; made here unless it is given.
            begun: The journal knows that this event is being handled.
        """
        if dispatch.name in SESSION_EVENTS:  # what they start serves the session, not an event
            if dispatch.name == "READY":
                self.delivery.forget(self.shard_id)
                self.suspects.give_up()
            return self._parse(dispatch, parse)
        event = event or self.event_of(dispatch)
        self.delivery.begin(event, begun=begun)
        token = current_event.set(event)
        try:
            return self._parse(dispatch, parse)
        finally:
            current_event.reset(token)
            self.delivery.handed_over(event)

    def _to_cache(self, dispatch: Dispatch, parse: Parse) -> bool:
        if dispatch.name in HANDLERS_ONLY:
            return True
        with muted(self.client._connection):
            return self._parse(dispatch, parse)

    def _parse(self, dispatch: Dispatch, parse: Parse) -> bool:
        name = dispatch.name
        self.last_event_s = self.pace.clock()
        self.journal.on_dispatch(dispatch)
        self.arrivals.before(name)
        try:
            parse(name, dispatch.data)
        # What discord.py's parsers and the client's own `dispatch` raise would end this connection,
        # and at the same event the next one.
        except Exception as error:  # noqa: BLE001 - none of that code is ours, it may raise anything
            self.set_aside(dispatch.raw, error=error, name=name, sequence=dispatch.sequence)
            self.journal.on_refused(self.shard_id, dispatch.sequence)
            return False
        finally:
            self.arrivals.after(self.shard_id, name, dispatch.data)
        return True

    def event_of(self, dispatch: Dispatch, *, attempt: int = 1) -> GatewayEvent:
        """Answer what handlers see as `current_event`."""
        socket = self.socket
        return GatewayEvent(
            shard_id=self.shard_id,
            sequence=dispatch.sequence,
            name=dispatch.name,
            received_at_s=self.pace.clock(),
            interaction=interaction_of(dispatch.name, dispatch.data),
            session_id=(socket.session_id if socket is not None else None) or "",
            attempt=attempt,
        )

    async def _poison(self, dispatch: Dispatch) -> None:
        self.poisoned += 1
        self.set_aside(
            dispatch.raw,
            error="two processes died while they handled it",
            name=dispatch.name,
            sequence=dispatch.sequence,
        )
        await self.quarantine.settled()  # it must not be finished and nowhere, whatever comes
        self.journal.on_finished(self.shard_id, dispatch.sequence)

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


def _is_earlier(dispatch: Dispatch, marks: Marks) -> bool:
    """Answer whether *dispatch* is the RESUMED of an earlier process, replayed with the rest."""
    return dispatch.name == "RESUMED" and dispatch.sequence <= marks.received


def _where(error: BaseException) -> str | None:
    """Answer the innermost line that raised *error*."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
