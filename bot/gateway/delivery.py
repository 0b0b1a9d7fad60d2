"""When an event is finished: once the last task that its handlers made has ended.

Tasks inherit the event through a context variable, so the task manager's factory sees whose they
are. What waits long (a view, `wait_for`, a sleep) does not hold an event back for ever: after
`EVENT_ACK_AFTER_S` it counts as finished. A loop that is blocked runs no timer, so what blocks it
is never taken for finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.gateway.event import GatewayEvent, current_event
from bot.gateway.session import Journal


@dataclass(slots=True, eq=False, kw_only=True)
class _Open:
    """An event that is being handed over, or whose tasks run."""

    event: GatewayEvent
    began_s: float
    begun: bool = False  # the journal knows of it
    handing_over: bool = True
    tasks: int = 0
    over: asyncio.Event | None = None


class Delivery:
    """Follows the events of all shards; a `TaskObserver`."""

    def __init__(
        self,
        journal: Journal,
        *,
        ack_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._ack_after_s, self._clock = journal, ack_after_s, clock
        self._open: dict[int, _Open] = {}  # by the event's id; in the order they were begun
        self._tasks: dict[asyncio.Task[Any], _Open] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def unfinished(self) -> int:
        """How many events are being handled; from any thread."""
        return len(self._open)

    def begin(self, event: GatewayEvent, *, begun: bool = False) -> None:
        """*event* is handed over from now until `handed_over`; *begun*: the journal knows it."""
        self._open[id(event)] = _Open(event=event, began_s=self._clock(), begun=begun)

    def handed_over(self, event: GatewayEvent) -> None:
        """All handlers of *event* have been started."""
        record = self._open.get(id(event))
        if record is None:
            return
        record.handing_over = False
        if record.tasks == 0:
            self._finish(record)
        elif self._timer is None:
            self._arm(self._ack_after_s)

    async def finished(self, event: GatewayEvent) -> None:
        """Answer once *event* is finished."""
        record = self._open.get(id(event))
        if record is not None:
            record.over = record.over or asyncio.Event()
            await record.over.wait()

    async def all_finished(self) -> None:
        """Answer once every event that is being handled now is finished."""
        for record in tuple(self._open.values()):
            await self.finished(record.event)

    def forget(self, shard_id: int) -> None:
        """Note nothing more of the events of *shard_id*: their session is over."""
        for key, record in tuple(self._open.items()):
            if record.event.shard_id == shard_id:
                del self._open[key]
                self._release(record)

    def close(self) -> None:
        """Note nothing more: what is cancelled from now on is left for the next process."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    # What the task manager tells

    def created(self, task: asyncio.Task[Any]) -> None:
        """A task was made, in the context of whoever made it."""
        event = current_event.get()
        if event is None:
            return
        record = self._open.get(id(event))
        if record is None:  # finished: what still runs of it no longer counts
            return
        record.tasks += 1
        self._tasks[task] = record
        if not record.begun:
            record.begun = True
            self._journal.on_begun(event.shard_id, event.sequence, event.attempt)

    def done(self, task: asyncio.Task[Any]) -> None:
        """A task ended."""
        record = self._tasks.pop(task, None)
        if record is None:
            return
        record.tasks -= 1
        if record.tasks == 0 and not record.handing_over:
            self._finish(record)

    def _finish(self, record: _Open) -> None:
        event = record.event
        if self._closed or self._open.pop(id(event), None) is None:
            return
        if record.begun:
            self._journal.on_finished(event.shard_id, event.sequence)
        self._release(record)

    def _release(self, record: _Open) -> None:
        if record.over is not None:
            record.over.set()

    def _arm(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._acknowledge)

    def _acknowledge(self) -> None:
        """Finish what has waited for long; the oldest comes first."""
        self._timer = None
        now_s = self._clock()
        for record in tuple(self._open.values()):
            left_s = record.began_s + self._ack_after_s - now_s
            if left_s > 0:
                self._arm(left_s)
                return
            self._finish(record)
