"""A database and its engines: one transaction, and what its errors mean."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import configure_mappers

from bot.storage import engine, schema
from bot.storage.whereabouts import MisplacedError, Whereabouts

T = TypeVar("T")
_CORRUPT = "the file is damaged; stop the bot and restore a backup (docs/storage.md)"
# What PostgreSQL's client says when it can't connect: it has no codes for that, and its own words
# may hold the address and a password.
_UNCONNECTED = {
    "password authentication failed": "it refuses the user or the password of DATABASE_URL",
    "does not exist": "it has no such database or user as DATABASE_URL names",
    "failed to resolve": "the name of its host is not known; see DATABASE_URL",
    "refused": "nobody answers there; see that it runs, and DATABASE_URL",
    "timeout": "nobody answers there in time; see that it runs, and DATABASE_URL",
}


class _DoubtfulError(OperationalError):
    """The connection was lost in the middle of a commit: it may be kept or not."""


class _DamageError(OperationalError):
    """The file is damaged, or not the one that was opened."""


class Opened:
    """Engines of one database.

    Attributes:
        errors: All that a database can raise.
        transient: Those after which the same question may get an answer.
        file: Of SQLite; None for PostgreSQL.
    """

    errors = (SQLAlchemyError, OSError)
    transient = (OperationalError, InterfaceError, InternalError, PoolTimeoutError, OSError)

    def __init__(self, database_url: str, sqlite_path: Path) -> None:
        url = engine.url_of(database_url, sqlite_path)
        self.name = engine.name_of(url)
        self.file = None if database_url else Whereabouts(sqlite_path)
        self.plain = engine.plain_engine(url)
        self._engine: AsyncEngine = engine.loop_engine(url)
        if self.file is not None:
            for each in (self.plain, self._engine.sync_engine):
                self.file.guard(each)
        self._writing_engine = self._engine.execution_options(**{engine.WRITES: True})
        configure_mappers()  # in this thread, not at the first question in the loop

    def prepare(self) -> None:
        """Connect, and bring the tables to this version; in a thread.

        Raises:
            bot.storage.errors.SchemaError: they are of a newer version.
        """
        if self.file is not None and self.file.make():
            self.plain.dispose()
        with self._damage_told():
            schema.upgrade(self.plain)

    async def transaction(self, work: Callable[[AsyncSession], Awaitable[T]], *, writes: bool) -> T:
        """Run *work* and commit."""
        bound = self._writing_engine if writes else self._engine
        session = AsyncSession(bound, expire_on_commit=False)
        try:
            with self._damage_told():
                answer = await work(session)
                await session.flush()
                await self._commit(session)
            return answer
        finally:
            await session.close()  # `async with` would do it in a task without a name

    async def touch(self, session: AsyncSession) -> None:
        """As a transaction's work: write something that changes nothing."""
        if self.file is None:
            await session.execute(text("UPDATE alembic_version SET version_num = version_num"))
            return
        # SQLite does not write what is there already.
        number = (await session.execute(text("PRAGMA user_version"))).scalar_one()
        await session.execute(text(f"PRAGMA user_version = {int(number) + 1 & 0xFFFF}"))

    def rescue(self, now: datetime) -> str:
        """Save what a file that is gone still holds; in a thread. Answers what to do now."""
        assert self.file is not None  # noqa: S101 - nothing else can be gone
        return self.file.rescue(self.plain, now)

    def is_doubtful(self, error: Exception) -> bool:
        """Whether nobody knows what became of the transaction: it must not be run again."""
        return isinstance(error, _DoubtfulError)

    def is_damage(self, error: Exception) -> bool:
        """Whether the file is damaged or not the same any more: it is no use to try again."""
        return isinstance(error, _DamageError)

    def advice(self, error: Exception) -> str:
        """Answer what to look at; PostgreSQL's own words may hold the address and a password."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if self.file is None:
            return _advice_of_postgresql(cause)
        if self.is_damage(error):
            return str(cause) if isinstance(cause, MisplacedError) else _CORRUPT
        said = cause.strerror if isinstance(cause, OSError) else None
        if isinstance(cause, sqlite3.Error):
            said = str(cause)
        said = said or type(cause).__name__
        return f"{said}; see that the disk has room and that the folder can be written"

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
        self.plain.dispose()

    async def _commit(self, session: AsyncSession) -> None:
        try:
            await session.commit()
        except DBAPIError as error:
            if self.file is None and error.connection_invalidated:
                raise _DoubtfulError(None, None, error.orig or error) from error
            raise

    @contextlib.contextmanager
    def _damage_told(self) -> Iterator[None]:
        """Let a file that is damaged, or another one, count with what an operator can mend."""
        try:
            yield
        except (DatabaseError, UnicodeDecodeError) as error:
            if self.file is None or not _is_damage(error):
                raise
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise _DamageError(None, None, cause or error) from error


def _advice_of_postgresql(cause: BaseException | None) -> str:
    if getattr(cause, "sqlstate", None) is None:
        said = str(cause)
        for words, advice in _UNCONNECTED.items():
            if words in said:
                return advice
    return f"{type(cause).__name__}; see that it runs, and that DATABASE_URL may write"


def _is_damage(error: DatabaseError | UnicodeDecodeError) -> bool:
    if isinstance(error, UnicodeDecodeError):  # SQLite quotes a broken file's bytes
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    is_corrupt = code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return is_corrupt or isinstance(error.orig, MisplacedError)
