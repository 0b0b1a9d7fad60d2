"""Claims: keys of which each can be taken once in 30 days, by one process of all.

They lie in the database of the installation: SQLite in the state folder, or PostgreSQL. Either is
opened when the first key is claimed. A claim is on disk before it is answered.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeVar
from urllib.parse import urlsplit

from bot.errors import BotError
from bot.storage.database import (
    BUSY_TIMEOUT_S,
    SQLITE_ERRORS,
    SQLITE_FILE,
    connected,
    use_wal,
)
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    import psycopg

    from bot.settings import BotSettings

T = TypeVar("T")
KEEP_DAYS = 30
DAY_S = 86_400.0


class ClaimError(BotError):
    """The database did not say whether a key is claimed; *advice* says what to do about it.

    The key may be claimed or not. Begin no effect.
    """

    def __init__(self, database: str, advice: str) -> None:
        self.database, self.advice = database, advice
        super().__init__(f"{database}: {advice}")


class Claims(Protocol):
    """A store of claims; every method raises `ClaimError`."""

    async def claim(self, key: str) -> bool:
        """Answer True to the first who claims *key*, False to all others for 30 days."""

    async def forget(self, key: str) -> None:
        """Let *key* be claimed again."""

    async def close(self) -> None:
        """Let go of the database; what is claimed stays claimed."""


def claims_of(settings: BotSettings) -> Claims:
    """Answer the claims of an installation; nothing is opened yet."""
    url = settings.database_url.get_secret_value().strip()
    return PostgresqlClaims(url) if url else SqliteClaims(settings.state_dir / SQLITE_FILE)


class SqliteClaims:
    """Claims in a SQLite file, asked by a thread of their own: the loop never waits."""

    def __init__(self, path: Path, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._path, self._wall_clock = path, wall_clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="claims")
        self._connection: sqlite3.Connection | None = None
        self._prune_at_s = 0.0
        self._closed = False

    async def claim(self, key: str) -> bool:
        """As `Claims.claim`."""
        return await self._ask(lambda connection: self._claim(connection, key))

    async def forget(self, key: str) -> None:
        """As `Claims.forget`."""
        await self._ask(
            lambda connection: connection.execute("DELETE FROM effect_claims WHERE key = ?", (key,))
        )

    async def close(self) -> None:
        """As `Claims.close`."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
            self._thread.shutdown(wait=False)

    async def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        name = f"SQLite in {self._path}"
        if self._closed:
            raise ClaimError(name, "it is closed, since the bot is stopping")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._answer, question)
        except (*SQLITE_ERRORS, OSError) as error:
            advice = f"{error}; see that the disk has room and that the folder can be written"
            raise ClaimError(name, advice) from error

    # In the thread

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection = self._connection or self._open()
            return question(connection)
        except SQLITE_ERRORS:
            self._let_go()  # the next one begins with a new connection
            raise

    def _open(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)  # its -wal and -shm take over these rights
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")  # a claim survives a power cut
            connection.execute(
                "CREATE TABLE IF NOT EXISTS effect_claims"
                " (key TEXT PRIMARY KEY, claimed_at_s REAL NOT NULL) WITHOUT ROWID"
            )
        except SQLITE_ERRORS:
            connection.close()
            raise
        return connection

    def _claim(self, connection: sqlite3.Connection, key: str) -> bool:
        now_s = self._wall_clock()
        oldest_s = now_s - KEEP_DAYS * DAY_S
        if now_s >= self._prune_at_s:
            connection.execute("DELETE FROM effect_claims WHERE claimed_at_s < ?", (oldest_s,))
            self._prune_at_s = now_s + DAY_S
        taken = connection.execute(
            "INSERT INTO effect_claims (key, claimed_at_s) VALUES (?, ?) ON CONFLICT (key)"
            " DO UPDATE SET claimed_at_s = excluded.claimed_at_s WHERE claimed_at_s < ?",
            (key, now_s, oldest_s),
        )
        return taken.rowcount == 1

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


_FIND = "SELECT to_regclass('novera_effect_claims')"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('novera_effect_claims'))"
_CREATE = """
CREATE TABLE IF NOT EXISTS novera_effect_claims
    (key text PRIMARY KEY, claimed_at timestamptz NOT NULL, claimant text NOT NULL)
"""
# Asked twice with the same claimant, since an answer may be lost with its connection.
_CLAIM = """
INSERT INTO novera_effect_claims AS claims (key, claimed_at, claimant) VALUES (%s, now(), %s)
ON CONFLICT (key) DO UPDATE SET claimed_at = now(), claimant = excluded.claimant
WHERE claims.claimed_at < now() - make_interval(days => %s) OR claims.claimant = excluded.claimant
RETURNING true
"""
_PRUNE = "DELETE FROM novera_effect_claims WHERE claimed_at < now() - make_interval(days => %s)"
_FORGET = "DELETE FROM novera_effect_claims WHERE key = %s"


class PostgresqlClaims:
    """Claims in a PostgreSQL database; its clock counts, since several machines may share it.

    One connection asks one after the other: a claim is one short statement.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._clock = url, clock
        self._name = f"PostgreSQL on {urlsplit(url).hostname or 'localhost'}"
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._opening = asyncio.Lock()
        self._prune_at_s = 0.0
        self._closed = False

    async def claim(self, key: str) -> bool:
        """As `Claims.claim`."""
        claimant = secrets.token_hex(8)
        if self._clock() >= self._prune_at_s:
            self._prune_at_s = self._clock() + DAY_S
            await self._ask(_PRUNE, KEEP_DAYS)
        return await self._ask(_CLAIM, key, claimant, KEEP_DAYS) == 1

    async def forget(self, key: str) -> None:
        """As `Claims.forget`."""
        await self._ask(_FORGET, key)

    async def close(self) -> None:
        """As `Claims.close`."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _ask(self, question: LiteralString, *values: object) -> int:
        """Answer how many rows it changed; asked anew when the connection that was open broke."""
        import psycopg

        while True:
            if self._closed:
                raise ClaimError(self._name, "it is closed, since the bot is stopping")
            was_open, connection = self._connection is not None, None
            try:
                async with self._opening:
                    connection = self._connection = self._connection or await self._open()
                asked = await with_timeout(connection.execute(question, values), BUSY_TIMEOUT_S)
                return asked.rowcount
            except (OSError, ValueError, psycopg.Error) as error:
                if connection is not None and connection is self._connection:
                    self._connection = None
                    await connection.close()
                if was_open:
                    continue
                # The driver's text may repeat the address with its password; its class does not.
                advice = (
                    f"{type(error).__name__}; see that it runs, and that DATABASE_URL may write"
                )
                raise ClaimError(self._name, advice) from error

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        connection = await connected(self._url)
        try:
            # Looked for first: who may not create tables may yet use one that is there.
            found = await (await connection.execute(_FIND)).fetchone()
            if found == (None,):
                async with connection.transaction():
                    await connection.execute(_LOCK)
                    await connection.execute(_CREATE)
        except BaseException:
            await connection.close()
            raise
        return connection
