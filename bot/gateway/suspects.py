"""Events that a process died with, handed over again: last, one by one, when the rest is served.

One of them may do it again. So what others wait for comes first, and of two that were being handled
when the process died only the guilty one is found begun for the second time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord
import structlog

from bot.gateway.journal.state_events import as_id
from bot.gateway.session import Dispatch
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from bot.gateway.wire import Parse, Wire

log = structlog.get_logger(__name__)

# Their parsers change nothing in the cache that later events build upon.
DEFERRABLE = frozenset({"INTERACTION_CREATE", "MESSAGE_CREATE"})
# In which the answers to all others go out, and how much longer for those that take it: an
# interaction that is among the suspects has 3 s.
PAUSE_S, OTHERS_S = 0.5, 1.5
ALONE_S = 0.25  # in which an event can do harm before the next one is begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """An event that is to be handled for the *attempt*-th time."""

    dispatch: Dispatch
    parse: Parse
    attempt: int


class Suspects:
    """Those of one shard; `hand_over` begins with them after a pause."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: deque[Suspect] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, suspect: Suspect) -> None:
        """Keep *suspect* until `hand_over`; it is unfinished in the journal meanwhile."""
        self._waiting.append(suspect)

    def hand_over(self) -> None:
        """Begin, in a task of its own; called when everything else was replayed."""
        if self._waiting and self._task is None:
            name = f"redelivery-{self._wire.shard_id}"
            self._task = self._wire.tasks.create_task(self._run(), name=name)

    def stop(self) -> None:
        """Begin no further one: the next process will."""
        if self._task is not None:
            self._task.cancel()
        self._waiting.clear()

    def give_up(self) -> None:
        """Set aside what waits: its session is over, so that nobody will replay it."""
        for suspect in self._waiting:
            dispatch = suspect.dispatch
            self._wire.set_aside(
                dispatch.raw,
                error="its session ended before it could be handled again",
                name=dispatch.name,
                sequence=dispatch.sequence,
            )
        self.stop()

    async def alone(self, suspect: Suspect) -> bool:
        """Handle one, and give it time to end before anything else; answers as `Wire.deliver`."""
        wire, dispatch = self._wire, suspect.dispatch
        await wire.note_attempt(dispatch, suspect.attempt)
        event = wire.event_of(dispatch, attempt=max(2, suspect.attempt))
        taken = wire.deliver(dispatch, suspect.parse, event=event, begun=True)
        with contextlib.suppress(TimeoutError):  # then it waits, which does no harm
            await with_timeout(wire.delivery.finished(event), ALONE_S)
        return taken

    async def _run(self) -> None:
        await self._wire.pace.sleep(PAUSE_S)
        with contextlib.suppress(TimeoutError):
            await with_timeout(self._wire.delivery.all_finished(), OTHERS_S)
        while self._waiting:
            suspect = self._waiting.popleft()
            with _newest_kept(self._wire.client, suspect.dispatch):
                await self.alone(suspect)
        self._task = None


@contextlib.contextmanager
def _newest_kept(client: discord.Client, dispatch: Dispatch) -> Iterator[None]:
    """Keep the newest message of the channel: the parser takes any message for it."""
    data = dispatch.data if isinstance(dispatch.data, dict) else {}
    channel_id = as_id(data.get("channel_id"))
    channel = None if channel_id is None else client.get_channel(channel_id)
    newest = getattr(channel, "last_message_id", None)
    try:
        yield
    finally:
        if newest is not None and isinstance(channel, discord.abc.Messageable):
            channel.last_message_id = max(newest, getattr(channel, "last_message_id", None) or 0)
