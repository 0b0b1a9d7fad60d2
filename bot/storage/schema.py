"""Brings the tables to what this version of the program knows, under a lock."""

from __future__ import annotations

from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, inspect, text

from bot.storage.engine import WRITES, name_of
from bot.storage.errors import SchemaError

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).with_name("migrations")
VERSION_TABLE = "alembic_version"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('novera_schema'))"


def revisions() -> tuple[str, ...]:
    """Answer the revisions that this version knows, oldest first: files are named after them."""
    return tuple(sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def current(connection: Connection) -> str | None:
    """Answer the revision of the database; None when it has no tables of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision, in one transaction.

    Two processes that come at once do it one after the other.

    Raises:
        SchemaError: it is at a revision that this version does not know.
        sqlalchemy.exc.SQLAlchemyError: the database did not do it.
    """
    known = revisions()
    with engine.connect() as connection:
        if _checked(connection, known) == known[-1]:
            return
    migrate(engine, known[-1])


def migrate(engine: Engine, revision: str) -> None:
    """Go to *revision*, up or down; `base` takes all tables away."""
    from alembic import command  # only for a database that is new or old
    from alembic.config import Config

    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # tables may be large
            connection.execute(text(_LOCK))
        before = _checked(connection, revisions())  # once more: somebody may have been here
        if before == revision:
            return
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        down = before is not None and (revision == "base" or revision < before)
        (command.downgrade if down else command.upgrade)(config, revision)
    log.info("storage.migrated", before=before, revision=revision)


def _checked(connection: Connection, known: tuple[str, ...]) -> str | None:
    found = current(connection)
    if found is not None and found not in known:
        raise SchemaError(name_of(connection.engine.url), found)
    return found
