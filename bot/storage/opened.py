"""A database and its engines: one transaction, and what its errors mean."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import configure_mappers

from bot.storage import engine, schema

T = TypeVar("T")
_CORRUPT = "the file is damaged; stop the bot and restore a backup (docs/storage.md)"


class _DoubtfulError(OperationalError):
    """The connection was lost in the middle of a commit: it may be kept or not."""


class Opened:
    """Engines of one database.

    Attributes:
        errors: All that a database can raise.
        transient: Those after which the same question may get an answer.
    """

    errors = (SQLAlchemyError, OSError)
    transient = (OperationalError, InterfaceError, PoolTimeoutError, OSError)

    def __init__(self, database_url: str, sqlite_path: Path) -> None:
        url = engine.url_of(database_url, sqlite_path)
        self.name = engine.name_of(url)
        self._path = None if database_url else sqlite_path
        self.plain = engine.plain_engine(url)
        self._engine: AsyncEngine = engine.loop_engine(url)
        self._writing_engine = self._engine.execution_options(**{engine.WRITES: True})
        configure_mappers()  # in this thread, not at the first question in the loop

    def prepare(self) -> None:
        """Connect, and bring the tables to this version; in a thread.

        Raises:
            bot.storage.errors.SchemaError: they are of a newer version.
        """
        if self._path is not None:
            self._path.touch(mode=0o600)  # its -wal and -shm take over these rights
        with _damage_is_operational():
            schema.upgrade(self.plain)

    async def transaction(self, work: Callable[[AsyncSession], Awaitable[T]], *, writes: bool) -> T:
        """Run *work* and commit."""
        bound = self._writing_engine if writes else self._engine
        session = AsyncSession(bound, expire_on_commit=False)
        try:
            with _damage_is_operational():
                answer = await work(session)
                await session.flush()
            try:
                await session.commit()
            except DBAPIError as error:
                if self._path is None and error.connection_invalidated:
                    raise _DoubtfulError(None, None, error.orig or error) from error
                raise
            return answer
        finally:
            await session.close()  # `async with` would do it in a task without a name

    def is_doubtful(self, error: Exception) -> bool:
        """Whether nobody knows what became of the transaction: it must not be run again."""
        return isinstance(error, _DoubtfulError)

    def advice(self, error: Exception) -> str:
        """Answer what to look at; PostgreSQL's own words may hold the address and a password."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if self._path is None:
            return f"{type(cause).__name__}; see that it runs, and that DATABASE_URL may write"
        if isinstance(error, DBAPIError) and _is_corrupt(error):
            return _CORRUPT
        text = str(cause) if isinstance(cause, sqlite3.Error | OSError) else type(cause).__name__
        return f"{text}; see that the disk has room and that the folder can be written"

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
        self.plain.dispose()


@contextlib.contextmanager
def _damage_is_operational() -> Iterator[None]:
    """Let a damaged file count with the errors that an operator can mend."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error, Opened.transient) or not _is_corrupt(error):
            raise
        raise OperationalError(None, None, error.orig or error) from error


def _is_corrupt(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
