"""Reach the database, and say plainly when it can't be reached."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    import psycopg

    from bot.settings import BotSettings


SQLITE_FILE = "novera.db"
CONNECT_TIMEOUT_S = 5.0
BUSY_TIMEOUT_S = 5.0  # for another process that writes, and for an answer of PostgreSQL
# What a statement raises; the second when SQLite's own words quote a broken file's bytes.
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


class DatabaseError(Exception):
    """The database can't be used; the text names no password."""


async def probe(settings: BotSettings) -> str:
    """Answer in a few words which database answered, after reading and writing it.

    Raises:
        DatabaseError: it can't be reached, or not be written.
    """
    url = settings.database_url.get_secret_value().strip()
    if not url:
        return await asyncio.to_thread(_probe_sqlite, settings.state_dir / SQLITE_FILE)
    return await _probe_postgresql(url)


def use_wal(connection: sqlite3.Connection) -> None:
    """Turn to WAL mode; SQLite does not wait by itself for another process that does so too.

    To be called in a thread.
    """
    until_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
        time.sleep(0.01)


def _probe_sqlite(path: Path) -> str:
    try:
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=CONNECT_TIMEOUT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE write_probe (at REAL)")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except (*SQLITE_ERRORS, OSError) as error:
        raise DatabaseError(f"SQLite in {path}: {error}") from error
    return f"SQLite {sqlite3.sqlite_version} in {path}"


async def connected(url: str) -> psycopg.AsyncConnection[Any]:
    """Answer a connection to PostgreSQL that commits by itself.

    Raises:
        OSError, ValueError, psycopg.Error: with texts that may repeat the password.
    """
    import psycopg

    return await with_timeout(
        psycopg.AsyncConnection.connect(
            url,
            autocommit=True,
            prepare_threshold=None,  # poolers in front of the server may mix up connections
        ),
        CONNECT_TIMEOUT_S,
    )


async def _probe_postgresql(url: str) -> str:
    import psycopg

    host = urlsplit(url).hostname or "localhost"
    try:
        connection = await connected(url)
        try:
            await connection.execute("CREATE TEMPORARY TABLE write_probe (at double precision)")
            version = connection.info.server_version
        finally:
            await connection.close()
    except (OSError, ValueError, psycopg.Error) as error:
        # The driver's text may repeat the address with its password; its class does not.
        raise DatabaseError(f"PostgreSQL on {host}: {type(error).__name__}") from error
    return f"PostgreSQL {version // 10_000}.{version % 10_000} on {host}"
