"""The thread that writes the journals of all shards: takes what waits, writes it in batches.

The loop hands over whole turns of its own, so that a batch never ends between an event's arrival
and the note that its handlers began.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.gateway.journal import files
from bot.gateway.journal.batch import Note
from watchdog.heartbeat.schema import JournalFacts

if TYPE_CHECKING:
    from bot.gateway.journal.shard import ShardJournal

log = structlog.get_logger(__name__)

BATCH_S = 0.01  # what comes within that time of a first note is one batch with it


@dataclass(slots=True, kw_only=True)
class Turn:
    """What one turn of the loop noted.

    Attributes:
        at_s: Unix time in seconds.
        since_s: Monotonic time in seconds.
        continued: Shards whose files go on: what was received, and what of that is unfinished.
        abandon: Give every journal up, for this reason.
        ends: Close all files; True when the process ends in order.
        done: Called, in the thread, once all of it is on disk or can't be written.
    """

    at_s: float
    since_s: float
    notes: list[Note] = field(default_factory=list)
    size_bytes: int = 0
    continued: Mapping[int, tuple[int, Mapping[int, int]]] = field(default_factory=dict)
    abandon: str | None = None
    ends: bool | None = None
    done: Callable[[], None] | None = None


class Writer:
    """Owns the files; `put` and `facts` may be called from any thread."""

    def __init__(self, folder: Path, fingerprint: str, *, max_bytes: int, max_events: int) -> None:
        self._folder, self._fingerprint = folder, fingerprint
        self._max_bytes, self._max_events = max_bytes, max_events
        self._turns: queue.SimpleQueue[Turn] = queue.SimpleQueue()
        self._waiting: deque[Turn] = deque()
        self._hurry = threading.Event()
        self._shards: dict[int, ShardJournal] = {}
        self._facts = JournalFacts(reason="no_session")
        # Notes and bytes so far; each pair is written by one thread alone.
        self._put, self._settled = (0, 0), (0, 0)
        self._thread: threading.Thread | None = None
        self._crashed = False

    def put(self, turn: Turn) -> None:
        """Hand a turn over; the first one starts the thread."""
        if self._crashed:
            if turn.done is not None:
                turn.done()
            return
        self._put = (self._put[0] + len(turn.notes), self._put[1] + turn.size_bytes)
        self._waiting.append(turn)
        self._turns.put(turn)
        if turn.done is not None:
            self._hurry.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()

    @property
    def backlog(self) -> tuple[int, int]:
        """Notes that wait, and the length of their events in bytes."""
        settled = self._settled
        return self._put[0] - settled[0], self._put[1] - settled[1]

    def facts(self, *, now_s: float) -> JournalFacts:
        """Answer how the journals are; *now_s* is monotonic."""
        try:
            lag_ms = max(0.0, 1000 * (now_s - self._waiting[0].since_s))
        except IndexError:
            lag_ms = 0.0
        return replace(self._facts, lag_ms=lag_ms)

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            while not self._step():
                pass
        except BaseException:  # an error of ours; Python prints it
            self._crashed = True
            self._abandon("crashed")  # else an old journal would be taken for a new one
            self._settle(len(self._waiting))
            raise

    def _step(self) -> bool:
        """Write what waits, or do a part of a compaction; answers True at the end."""
        turns = self._take(wait=not any(shard.has_work for shard in self._shards.values()))
        ended = False
        for turn in turns:
            ended = self._prepare(turn) or ended
        self._write(turns)
        for turn in turns:
            if turn.ends is not None:
                self._close(in_order=turn.ends)
        self._note_facts()
        self._settle(len(turns))
        for shard in filter(lambda each: each.has_work, self._shards.values()):
            shard.compact()
            self._note_facts()
        return ended

    def _take(self, *, wait: bool) -> list[Turn]:
        turns = list[Turn]()
        try:
            turns.append(self._turns.get(block=wait))
            if wait:
                self._hurry.wait(BATCH_S)
            while True:
                turns.append(self._turns.get_nowait())
        except queue.Empty:
            self._hurry.clear()
            return turns

    def _prepare(self, turn: Turn) -> bool:
        for shard_id, (received, unfinished) in turn.continued.items():
            self._shard(shard_id).go_on(received, unfinished)
        if turn.abandon is not None:
            self._abandon(turn.abandon)
        return turn.ends is not None

    def _write(self, turns: list[Turn]) -> None:
        """One transaction for each shard that something came of."""
        notes: dict[int, list[Note]] = {}
        for turn in turns:
            for note in turn.notes:
                notes.setdefault(note.shard_id, []).append(note)
        for shard_id, each in notes.items():
            self._shard(shard_id).write(each, at_s=turns[-1].at_s)

    def _settle(self, count: int) -> None:
        """Tell those who wait that the *count* oldest turns are on disk, or never will be."""
        for _ in range(count):
            turn = self._waiting.popleft()
            notes, size_bytes = self._settled
            self._settled = notes + len(turn.notes), size_bytes + turn.size_bytes
            if turn.done is not None:
                turn.done()

    def _shard(self, shard_id: int) -> ShardJournal:
        shard = self._shards.get(shard_id)
        if shard is None:
            from bot.gateway.journal.shard import Limits, ShardJournal

            shard = self._shards[shard_id] = ShardJournal(
                files.path_of(self._folder, shard_id),
                shard_id,
                fingerprint=self._fingerprint,
                limits=Limits(max_bytes=self._max_bytes, max_events=self._max_events),
            )
        return shard

    def _abandon(self, reason: str) -> None:
        for shard in self._shards.values():
            shard.give_up(reason)
        self._note_facts()

    def _close(self, *, in_order: bool) -> None:
        for shard in self._shards.values():
            shard.close(in_order=in_order)

    def _note_facts(self) -> None:
        shards = tuple(self._shards.values())
        reasons = [shard.reason for shard in shards if shard.reason is not None]
        sizes = [shard.size for shard in shards]
        self._facts = JournalFacts(
            usable=bool(shards) and not reasons,
            reason=reasons[0] if reasons else None if shards else "no_session",
            events=sum(events for events, _ in sizes),
            bytes=sum(size_bytes for _, size_bytes in sizes),
            unfinished=sum(len(shard.inbox) for shard in shards),
        )
