"""The session journal as the loop sees it: notes what happened, and never waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.gateway.journal.batch import Begun, Came, Finished, Note, Refused, SessionIs
from bot.gateway.journal.state_events import READY, STATE_EVENTS, guild_of, message_of
from bot.gateway.journal.writer import Turn, Writer
from bot.gateway.session import Dispatch, Session
from bot.tasks.timeouts import with_timeout
from watchdog.heartbeat.schema import JournalFacts

if TYPE_CHECKING:
    from bot.gateway.journal.reading import Saved

log = structlog.get_logger(__name__)

MAX_WAITING_NOTES = 200_000
MAX_WAITING_BYTES = 128 << 20
FLUSH_TIMEOUT_S = 4.0  # longer than the writer's own patience with a disk
CLOSE_TIMEOUT_S = 2.0


class SessionJournal:
    """Keeps what a later process needs to continue the sessions of one client.

    One file for each shard, one thread for all. When the disk does not keep up, or refuses, the
    journal is given up until the next READY, and the bot goes on without.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fingerprint: str,
        max_bytes: int,
        max_events: int,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is read or written before the first note.

        Args:
            folder: Where the files lie, as ``journal-<shard>.sqlite3``.
            max_bytes: Length of a shard's events that asks for compaction.
            max_events: Number of a shard's events that asks for compaction.
        """
        self._wall_clock, self._clock = wall_clock, clock
        self._writer = Writer(folder, fingerprint, max_bytes=max_bytes, max_events=max_events)
        self._notes: list[Note] = []
        self._size_bytes = 0
        self._lost: set[int] = set()  # shards whose notes are of no use before a READY
        self._shard_ids: set[int] = set()
        self._closed = False
        self._unsettled: asyncio.Event | None = None  # what a flush waited for in vain

    def continue_from(self, saved: Mapping[int, Saved]) -> None:
        """Go on with the files of these shards; the files of others begin anew at READY."""
        self._shard_ids |= saved.keys()
        self._hand_over(
            continued={
                shard_id: (one.marks.received, dict(one.marks.unfinished))
                for shard_id, one in saved.items()
            }
        )

    # ----------------------------------------------------- what the loop notes

    def on_session(self, shard_id: int, session: Session | None) -> None:
        """A session began, or, with None, can't be resumed any more."""
        self._note(SessionIs(shard_id, session))

    def on_dispatch(self, dispatch: Dispatch) -> None:
        """An event came and is about to be parsed; READY begins the journal anew."""
        shard_id, name = dispatch.shard_id, dispatch.name
        if name in STATE_EVENTS:
            guild_id, raw = guild_of(name, dispatch.data), dispatch.raw
            if name == READY:
                self._lost.discard(shard_id)
            self._size_bytes += len(raw)
            self._note(Came(shard_id, dispatch.sequence, name, raw, guild_id))
        elif name == "MESSAGE_CREATE":
            message = message_of(dispatch.data)
            self._note(Came(shard_id, dispatch.sequence, name, message=message))
        else:
            self._note(Came(shard_id, dispatch.sequence, name))

    def on_refused(self, shard_id: int, sequence: int) -> None:
        """An event could not be parsed: a restored cache is made without it, too."""
        self._note(Refused(shard_id, sequence))

    def on_begun(self, shard_id: int, sequence: int, attempt: int) -> None:
        """The event is being handled, for the *attempt*-th time; it is unfinished from now on."""
        self._note(Begun(shard_id, sequence, attempt))

    def on_finished(self, shard_id: int, sequence: int) -> None:
        """An event that was begun is finished."""
        self._note(Finished(shard_id, sequence))

    def _note(self, note: Note) -> None:
        if note.shard_id in self._lost or self._closed:
            return
        if not self._notes:
            # Runs before the tasks that the event is about to start, and before any other event.
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._shard_ids.add(note.shard_id)
        self._notes.append(note)

    def _hand_over(
        self,
        *,
        continued: Mapping[int, tuple[int, Mapping[int, int]]] | None = None,
        ends: bool | None = None,
        done: Callable[[], None] | None = None,
    ) -> None:
        """Give the thread what this turn of the loop noted."""
        if not (self._notes or continued or done or ends is not None):
            return
        notes, size_bytes, abandon = self._notes, self._size_bytes, None
        self._notes, self._size_bytes = [], 0
        waiting_notes, waiting_bytes = self._writer.backlog
        if waiting_notes > MAX_WAITING_NOTES or waiting_bytes > MAX_WAITING_BYTES:
            self._lost |= self._shard_ids
            notes, size_bytes, abandon = [], 0, "overflow"
        turn = Turn(
            at_s=self._wall_clock(),
            since_s=self._clock(),
            notes=notes,
            size_bytes=size_bytes,
            continued=continued or {},
            abandon=abandon,
            ends=ends,
            done=done,
        )
        self._writer.put(turn)

    # ------------------------------------------------------ waiting, the end

    async def flush(self) -> None:
        """Answer once everything noted so far is on disk, or can't be written."""
        await self._settled(FLUSH_TIMEOUT_S)

    async def close(self, *, clean: bool) -> None:
        """Flush and end the thread; a disk that hangs is waited for two seconds.

        Args:
            clean: The process ends in order: what is unfinished has not killed it.
        """
        if self._closed:
            return
        await self._settled(CLOSE_TIMEOUT_S, ends=clean)
        self._closed = True

    async def _settled(self, timeout_s: float, *, ends: bool | None = None) -> None:
        if self._closed or (self._unsettled is not None and not self._unsettled.is_set()):
            return  # the disk hangs: it was waited for, once
        loop, settled = asyncio.get_running_loop(), asyncio.Event()

        def done() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settled.set)

        self._hand_over(ends=ends, done=done)
        try:
            await with_timeout(settled.wait(), timeout_s)
        except TimeoutError:
            self._unsettled = settled
            log.warning("journal.disk_hangs", waited_s=timeout_s)

    def facts(self) -> JournalFacts:
        """Answer how the journal is, all shards together; from any thread."""
        return self._writer.facts(now_s=self._clock())
