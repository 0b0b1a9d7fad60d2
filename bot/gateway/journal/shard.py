"""The journal of one shard, in the writer's thread: retry, give up, compact, begin anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.gateway.journal import files
from bot.gateway.journal.batch import Batch, Note, fold
from bot.gateway.journal.merging import UnmergeableError, merge, self_id_of
from bot.gateway.journal.state_events import NO_GUILD
from bot.gateway.journal.store import Store, is_of_the_disk
from bot.storage.database import SQLITE_ERRORS

log = structlog.get_logger(__name__)

RETRY_FOR_S = 3.0
RETRY_EVERY_S = 0.25
SESSION_OVER = "session_over"
GROWTH = 8  # after a compaction, an eighth of the limit may come before the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes that ask for compaction."""

    max_bytes: int
    max_events: int

    def load(self, events: int, size_bytes: int) -> float:
        """Answer which share of the limits is used; above 1 is over the limit."""
        return max(events / self.max_events, size_bytes / self.max_bytes)


class ShardJournal:
    """The journal of one shard; nothing that happens to the disk is raised.

    Attributes:
        reason: Why a later process could not continue the session, None while it could.
        inbox: Sequences in the file's inbox.
    """

    def __init__(
        self,
        path: Path,
        shard_id: int,
        *,
        fingerprint: str,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.reason: str | None = "no_session"
        self.inbox: set[int] = set()
        self._path, self._shard_id, self._fingerprint = path, shard_id, fingerprint
        self._limits, self._clock, self._sleep = limits, clock, sleep
        self._store: Store | None = None
        self._received = 0
        self._compacting: Iterator[None] | None = None
        self._next_load, self._floor = 1.0, 0

    @property
    def size(self) -> tuple[int, int]:
        """State events that a restore would read, and their length in bytes."""
        store = self._store
        return (0, 0) if store is None or self.reason else (store.events, store.size_bytes)

    @property
    def has_work(self) -> bool:
        """Whether `compact` has something to do."""
        return self._compacting is not None

    # --------------------------------------------------------------- batches

    def go_on(self, received: int, unfinished: Mapping[int, int]) -> None:
        """Take the file over from an earlier process, up to *received*."""
        self._received, self.inbox = received, set(unfinished)
        if self._persistently(lambda: self._opened().continue_session()):
            self.reason = None

    def write(self, notes: Sequence[Note], *, at_s: float) -> None:
        """Put *notes* on disk; *at_s* is the Unix time at which they were taken."""
        batch = fold(notes, self._received)
        if batch.begins_anew:
            self._received, self.inbox, self._compacting = 0, set(), None
            self._next_load, self._floor, self.reason = 1.0, 0, "no_session"
        elif self._store is None or self.reason not in (None, "no_session"):
            if batch.is_over:
                self.give_up(SESSION_OVER)
            return
        elif not self._path.exists():
            self.give_up("vanished")
            return
        finished = batch.finished & self.inbox
        if not self._persistently(lambda: self._put(batch, finished, at_s)):
            return
        self.inbox = (self.inbox - finished) | batch.begun.keys()
        self._received = max(self._received, batch.received)
        if batch.session is not None:
            self.reason = None
        if batch.is_over:
            self.give_up(SESSION_OVER)
        self._consider_compaction()

    def _put(self, batch: Batch, finished: set[int], at_s: float) -> None:
        """Write; a file that a new session finds broken is replaced, since nothing in it counts."""
        try:
            self._opened().write(batch, finished=finished, at_s=at_s)
        except SQLITE_ERRORS as error:
            if not batch.begins_anew or is_of_the_disk(error):
                raise
            self._let_go()
            files.remove(self._path)
            self._opened().write(batch, finished=finished, at_s=at_s)

    def close(self, *, in_order: bool) -> None:
        """Close the file; *in_order*: what is unfinished has not killed the process."""
        store = self._store
        if store is not None and in_order and self.reason is None:
            try:
                store.end_in_order()
            except SQLITE_ERRORS as error:  # then an unfinished event counts as begun once more
                log.warning("journal.unfinished", error=type(error).__name__)
        self._let_go()

    def _opened(self) -> Store:
        if self._store is None:
            self._store = Store(self._path, self._fingerprint)
        return self._store

    def _persistently(self, change: Callable[[], None]) -> bool:
        """Try *change* for a few seconds; answers whether it is on disk, else all is given up."""
        give_up_at_s = self._clock() + RETRY_FOR_S
        while True:
            try:
                change()
                return True
            except (*SQLITE_ERRORS, OSError) as error:
                if _is_hopeless(error) or self._clock() >= give_up_at_s:
                    self.give_up("disk", error=type(error).__name__)
                    return False
            self._sleep(RETRY_EVERY_S)

    # ------------------------------------------------------------ giving up

    def give_up(self, reason: str, **facts: object) -> None:
        """See to it that no later process continues the session; the next READY begins anew.

        An older state of the file would be consistent, and wrong: it would bring back events that
        were handled since.
        """
        if self.reason in (None, "no_session") and reason != SESSION_OVER:
            log.warning("journal.given_up", shard_id=self._shard_id, reason=reason, **facts)
        self.reason, self._compacting, self.inbox = reason, None, set()
        try:
            files.check(self._path)
            self._opened().mark(reason)
        except (FileNotFoundError, files.StrangeFileError):
            pass  # nothing that could be taken for a journal
        except (*SQLITE_ERRORS, OSError):
            self._let_go()
            try:
                files.remove(self._path)
            except OSError as error:
                log.warning("journal.left_behind", shard_id=self._shard_id, error=str(error.errno))
        self._let_go()

    def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            try:
                store.close()
            except SQLITE_ERRORS as error:
                log.debug("journal.close_failed", error=type(error).__name__)

    # ------------------------------------------------------------ compaction

    def _consider_compaction(self) -> None:
        if self._store is None or self._compacting is not None or self.reason:
            return
        if self._limits.load(self._store.events, self._store.size_bytes) > self._next_load:
            self._compacting = self._merge_guilds(self._store)

    def compact(self) -> None:
        """Merge the events of one guild: some milliseconds, so that batches never wait long."""
        if self._compacting is None:
            return
        try:
            next(self._compacting)
        except StopIteration:
            self._compacting = None
        except UnmergeableError as error:
            self.give_up("unmergeable", gateway_event=error.name)
        except (*SQLITE_ERRORS, OSError) as error:  # a batch will meet the same, and retry
            log.warning("journal.compaction_failed", error=type(error).__name__)
            self._compacting, self._next_load = None, self._next_load + 1 / GROWTH

    def _merge_guilds(self, store: Store) -> Iterator[None]:
        """Go through the guilds; killed at any moment, the file holds the same cache.

        Guild by guild, since no guild's events change another's.
        """
        before = store.events, store.size_bytes
        floor = min((sequence - 1 for sequence in self.inbox), default=self._received)
        self_id = self_id_of(store.events_of(NO_GUILD, floor))
        for guild in store.mergeable(floor):
            merged = merge(guild, store.events_of(guild, floor), self_id=self_id)
            if merged is not None:
                store.replace(guild, floor, merged)
            yield
        load = self._limits.load(store.events, store.size_bytes)
        log.info(
            "journal.compacted",
            shard_id=self._shard_id,
            events=store.events,
            events_before=before[0],
            size_bytes=store.size_bytes,
            size_bytes_before=before[1],
        )
        self._next_load = max(1.0, load + 1 / GROWTH)
        # What came meanwhile, or after an event that is unfinished, is merged next time.
        is_stuck = load > 2 and floor == self._floor
        self._floor = floor
        if is_stuck or self._limits.load(*store.size_up_to(floor)) > 1:
            self.give_up("too_large")


def _is_hopeless(error: Exception) -> bool:
    """Answer whether waiting can't help: the file itself is wrong."""
    return isinstance(error, files.StrangeFileError) or (
        isinstance(error, SQLITE_ERRORS) and not is_of_the_disk(error)
    )
