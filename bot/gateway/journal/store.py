"""One shard's journal as SQLite keeps it: what a batch becomes, each in one transaction.

WAL with `synchronous=NORMAL`: what is committed survives the death of the process; a power failure
may take the newest commits with it, never the order (https://sqlite.org/pragma.html#pragma_synchronous).
Imported by the writer's thread alone, since `sqlite3` costs a start some milliseconds.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bot.gateway.journal import files
from bot.gateway.journal.batch import Batch
from bot.gateway.journal.fingerprint import SCHEMA
from bot.gateway.journal.tables import TABLES, are_ours
from bot.gateway.session import Session
from bot.storage.database import SQLITE_ERRORS

BUSY_TIMEOUT_S = 1.0  # a reader that repairs the file after a crash holds it for milliseconds
_OF_THE_DISK = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
    | {sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL}
    | {sqlite3.SQLITE_READONLY}
)
WAL_BYTES = 4 << 20  # kept of the write-ahead log after a burst


class Store:
    """An open file. Every method is one transaction and raises `sqlite3.Error`.

    Attributes:
        events: State events in it.
        size_bytes: Their raw length, all together.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Open or create the file; one that can't be read is replaced by an empty one.

        Raises:
            OSError: the disk refuses, or something strange lies in its place.
        """
        self.events = self.size_bytes = 0
        self._path, self._fingerprint = path, fingerprint
        try:
            self._connection = self._open()
        except SQLITE_ERRORS as error:
            if is_of_the_disk(error):
                raise
            files.remove(path)
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        files.claim(self._path)
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA):
                raise sqlite3.DatabaseError("another schema")
            if version == 0:
                connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT")
            elif not are_ours(connection):
                raise sqlite3.DatabaseError("other tables")
            self._count(connection)
        except SQLITE_ERRORS:
            connection.close()
            raise
        return connection

    def _count(self, connection: sqlite3.Connection) -> None:
        query = "SELECT count(*), coalesce(sum(length(raw)), 0) FROM events"
        self.events, self.size_bytes = connection.execute(query).fetchone()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection, before = self._connection, (self.events, self.size_bytes)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            self.events, self.size_bytes = before
            if connection.in_transaction:  # a full disk may have rolled it back by itself
                connection.execute("ROLLBACK")
            raise

    # --------------------------------------------------------------- batches

    def write(self, batch: Batch, *, finished: Iterable[int], at_s: float) -> None:
        """Put *batch* on disk; *finished* are those in the inbox, *at_s* is the Unix time."""
        with self._transaction() as connection:
            if batch.begins_anew:
                self._begin_anew(connection)
            if batch.session is not None:
                _put_session(connection, batch.session)
            self._add(connection, batch)
            begun, ended = batch.begun.items(), [(each,) for each in finished]
            connection.executemany("INSERT OR REPLACE INTO inbox VALUES (?, ?)", begun)
            connection.executemany("DELETE FROM inbox WHERE sequence = ?", ended)
            if batch.received:
                connection.execute(
                    "UPDATE session SET received = ?, received_at_s = ?, events = ?",
                    (batch.received, at_s, self.events),
                )
            elif batch.refused:
                connection.execute("UPDATE session SET events = ?", (self.events,))

    def _begin_anew(self, connection: sqlite3.Connection) -> None:
        for table in ("session", "events", "inbox", "last_messages"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above
        connection.execute(
            "INSERT INTO session (one, fingerprint) VALUES (1, ?)", (self._fingerprint,)
        )
        self.events = self.size_bytes = 0

    def _add(self, connection: sqlite3.Connection, batch: Batch) -> None:
        rows = [
            (note.sequence, 0, note.guild_id, note.name, note.raw.encode()) for note in batch.events
        ]
        self._insert(connection, rows)
        for sequence in batch.refused:
            self._delete(connection, "sequence = ? AND part = 0", (sequence,))
        connection.executemany(
            "INSERT OR REPLACE INTO last_messages VALUES (?, ?, ?)",
            [(channel, last, batch.received) for channel, last in batch.last_messages.items()],
        )

    def _insert(
        self, connection: sqlite3.Connection, rows: Sequence[tuple[int, int, int, str, bytes]]
    ) -> None:
        connection.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
            [(*row, files.checksum(row[0], row[3], row[-1])) for row in rows],
        )
        self.events += len(rows)
        self.size_bytes += sum(len(row[-1]) for row in rows)

    def _delete(self, connection: sqlite3.Connection, where: str, values: tuple[int, ...]) -> None:
        query = f"SELECT count(*), coalesce(sum(length(raw)), 0) FROM events WHERE {where}"  # noqa: S608 - ours
        events, size_bytes = connection.execute(query, values).fetchone()
        connection.execute(f"DELETE FROM events WHERE {where}", values)  # noqa: S608 - ours
        self.events -= events
        self.size_bytes -= size_bytes

    # -------------------------------------------------------- whole sessions

    def continue_session(self) -> None:
        """Note that another process works with the session now: it has not ended in order."""
        with self._transaction() as connection:
            changed = connection.execute("UPDATE session SET clean = 0, unusable = NULL").rowcount
            if changed != 1:
                raise sqlite3.DatabaseError("no session")

    def mark(self, reason: str) -> None:
        """Note that the session can't be continued."""
        with self._transaction() as connection:
            connection.execute("UPDATE session SET unusable = ?", (reason,))

    def end_in_order(self) -> None:
        """Note that the process ended in order: no event that is unfinished has killed it."""
        with self._transaction() as connection:
            connection.execute("UPDATE session SET clean = 1")
            connection.execute("UPDATE inbox SET attempts = max(attempts - 1, 0)")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # ------------------------------------------------------------ compaction

    def mergeable(self, floor: int) -> list[int]:
        """Answer the guilds of which there is more than one event up to *floor*."""
        query = (
            "SELECT guild FROM events WHERE sequence <= ? GROUP BY guild"
            " HAVING max(sequence) > min(sequence)"
        )
        return [guild for (guild,) in self._connection.execute(query, (floor,))]

    def size_up_to(self, floor: int) -> tuple[int, int]:
        """Answer number and raw length of the events up to *floor*."""
        query = "SELECT count(*), coalesce(sum(length(raw)), 0) FROM events WHERE sequence <= ?"
        events, size_bytes = self._connection.execute(query, (floor,)).fetchone()
        return events, size_bytes

    def events_of(self, guild: int, floor: int) -> list[tuple[int, str, bytes]]:
        """Answer sequence, name and raw text of a guild's events up to *floor*, oldest first."""
        query = (
            "SELECT sequence, name, raw FROM events WHERE guild = ? AND sequence <= ?"
            " ORDER BY sequence, part"
        )
        return list(self._connection.execute(query, (guild, floor)))

    def replace(self, guild: int, floor: int, events: Sequence[tuple[int, str, bytes]]) -> None:
        """Put *events* in the place of a guild's events up to *floor*."""
        with self._transaction() as connection:
            self._delete(connection, "guild = ? AND sequence <= ?", (guild, floor))
            rows = [
                (sequence, part, guild, name, raw)
                for part, (sequence, name, raw) in enumerate(events)
            ]
            self._insert(connection, rows)
            connection.execute(
                "UPDATE session SET compacted = max(compacted, ?), events = ?",
                (floor, self.events),
            )


def is_of_the_disk(error: Exception) -> bool:
    """Answer whether *error* is no fault of the file: locked, full, unwritable for the moment."""
    code = getattr(error, "sqlite_errorcode", None)  # Python's own errors have none
    return code is not None and code & 0xFF in _OF_THE_DISK


def _put_session(connection: sqlite3.Connection, session: Session) -> None:
    connection.execute(
        "UPDATE session SET session_id = ?, address = ?, shard_id = ?, shard_count = ?",
        (session.session_id, session.address, session.shard_id, session.shard_count),
    )
