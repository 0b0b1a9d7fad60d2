"""SQLAlchemy engines for SQLite in the state folder, or PostgreSQL by `DATABASE_URL`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.storage.database import BUSY_TIMEOUT_S, use_wal

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 10_000
POOL_SIZE, POOL_WAIT_S = 5, 5.0
WRITES = "novera_writes"  # execution option: take SQLite's write lock when the transaction begins


def url_of(database_url: str, sqlite_path: Path) -> URL:
    """Answer the address for SQLAlchemy, without an async driver for SQLite."""
    if not database_url:
        return URL.create("sqlite", database=str(sqlite_path))
    return make_url(database_url).set(drivername="postgresql+psycopg")


def name_of(url: URL) -> str:
    """Answer how people call the database: no user, no password."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite in {url.database}"
    return f"PostgreSQL on {url.host or 'localhost'}"


def plain_engine(url: URL) -> Engine:
    """Answer an engine for threads; nothing is connected yet."""
    engine = create_engine(url, **_options(url, connections=1))  # one thread uses it
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _record: use_wal(connection))
    _prepare(engine)
    return engine


def loop_engine(url: URL) -> AsyncEngine:
    """Answer an engine for the event loop; nothing is connected yet."""
    if url.get_backend_name() == "sqlite":
        url = url.set(drivername="sqlite+aiosqlite")
    engine = create_async_engine(url, **_options(url, connections=POOL_SIZE))
    _prepare(engine.sync_engine)
    return engine


def _options(url: URL, *, connections: int) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S}, "pool_timeout": POOL_WAIT_S}
    return {
        "pool_size": connections,
        "max_overflow": connections,  # servers for many customers give each a few
        "pool_timeout": POOL_WAIT_S,
        "pool_pre_ping": True,  # a connection that the server has dropped is found before its use
        "connect_args": {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "prepare_threshold": None,  # poolers in front of the server may mix up connections
            # A host that is gone without a word is noticed in half a minute, not in hours.
            "tcp_user_timeout": 20_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    }


def _prepare(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        # Not as an option of the connection: poolers refuse those, or give it to somebody else.
        limit = f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(limit))
        return

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        # A transaction that was answered survives a power cut.
        for pragma in ("synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # One that reads first and writes then would fail when another has written in between.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
