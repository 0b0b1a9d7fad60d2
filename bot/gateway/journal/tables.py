"""The tables of a journal file, and whether a file that was found has these and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

TABLES = """
CREATE TABLE session (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    fingerprint TEXT, session_id TEXT, address TEXT, shard_id INTEGER, shard_count INTEGER,
    received INTEGER NOT NULL DEFAULT 0, received_at_s REAL NOT NULL DEFAULT 0,
    compacted INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0,
    clean INTEGER NOT NULL DEFAULT 0, unusable TEXT
);
CREATE TABLE events (
    sequence INTEGER NOT NULL, part INTEGER NOT NULL, guild INTEGER NOT NULL,
    name TEXT NOT NULL, raw BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (sequence, part)
);
CREATE INDEX events_of_guild ON events (guild, sequence);
CREATE TABLE inbox (sequence INTEGER PRIMARY KEY, attempts INTEGER NOT NULL);
CREATE TABLE last_messages (
    channel INTEGER PRIMARY KEY, message INTEGER NOT NULL, sequence INTEGER NOT NULL
);
"""


def are_ours(connection: sqlite3.Connection) -> bool:
    """Answer whether the tables are those of `TABLES`.

    A view in the place of a table could keep a query busy for ever, a trigger change what is
    written.
    """
    query = "SELECT CAST(sql AS BLOB) FROM sqlite_master WHERE sql IS NOT NULL"
    wanted = {statement.strip().encode() for statement in TABLES.split(";")} - {b""}
    return {sql for (sql,) in connection.execute(query)} == wanted
