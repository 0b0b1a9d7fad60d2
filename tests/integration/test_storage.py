"""The database layer, over SQLite and PostgreSQL alike."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage import engine as engines
from bot.storage import schema
from bot.storage import storage as storing
from bot.storage.engine import WRITES
from bot.storage.errors import SchemaError, StorageError
from bot.storage.models import Base, UserRow
from bot.storage.storage import Storage
from bot.tasks.manager import TaskManager
from tests.integration.serving import settings_for, until
from tests.sources import ROOT

OURS = {*Base.metadata.tables, schema.VERSION_TABLE}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest) -> str:
    """The `DATABASE_URL` of an empty database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgresql"))


@pytest.fixture
def engine(url: str, tmp_path: Path) -> Engine:
    """An engine for it."""
    return engines.plain_engine(engines.url_of(url, tmp_path / "novera.db"))


@asynccontextmanager
async def opened(url: str, state_dir: Path) -> AsyncIterator[tuple[Storage, list[SchemaError]]]:
    """Yield storage, and what it refused."""
    refused: list[SchemaError] = []
    settings = settings_for(state_dir, {"database_url": SecretStr(url)})
    async with TaskManager() as tasks:
        storage = Storage(settings, tasks=tasks, on_refused=refused.append)
        yield storage, refused
        await storage.close()


async def add(storage: Storage, user_id: int) -> None:
    """Keep a user."""

    async def work(session: AsyncSession) -> None:
        session.add(UserRow(user_id=user_id))

    await storage.write(work)


async def users(storage: Storage) -> int:
    """Answer how many are kept."""

    async def work(session: AsyncSession) -> int:
        return int((await session.scalars(select(func.count()).select_from(UserRow))).one())

    return await storage.read(work)


def tables(engine: Engine) -> set[str]:
    """Answer our tables that are there."""
    return OURS & set(inspect(engine).get_table_names())


def test_the_tables_are_those_that_the_program_thinks_of(engine: Engine) -> None:
    """After all migrations there is no difference to the models."""
    schema.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, Base.metadata)
    engine.dispose()

    assert found == []


def test_each_migration_goes_down_and_up_again(engine: Engine) -> None:
    """Step by step from nothing to the newest, each step back and forth, and back to nothing."""
    steps = ["base", *schema.revisions()]
    seen = []
    for before, after in itertools.pairwise(steps):
        schema.migrate(engine, after)
        up = tables(engine)
        schema.migrate(engine, before)
        schema.migrate(engine, after)
        seen.append(tables(engine) == up)
    complete = tables(engine)
    for revision in reversed(steps[:-1]):
        schema.migrate(engine, revision)
    left = tables(engine) - {schema.VERSION_TABLE}
    engine.dispose()

    assert complete == OURS
    assert all(seen)
    assert left == set()


def test_a_migration_that_fails_leaves_nothing_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction, with its note of the revision."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE users (user_id INTEGER)"))  # in its way, near the end
    with pytest.raises(DBAPIError):
        schema.upgrade(engine)
    found = tables(engine)
    engine.dispose()

    assert found == {"users"}


KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from bot.storage import engine, schema

made = engine.plain_engine(engine.url_of(sys.argv[1], Path(sys.argv[2])))
left = int(sys.argv[3])

@event.listens_for(made, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    global left
    left -= statement.lstrip().startswith(("CREATE", "INSERT"))
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

schema.upgrade(made)
"""


@pytest.mark.parametrize(
    "after", [12, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 2, 25))]
)
def test_a_migration_that_is_killed_in_the_middle_is_none(
    url: str, engine: Engine, tmp_path: Path, after: int
) -> None:
    """SIGKILL after any of its statements leaves no table; the next start makes them all."""
    command = [sys.executable, "-c", KILLED, url, str(tmp_path / "novera.db"), str(after)]
    code = subprocess.run(command, cwd=ROOT, check=False, timeout=30).returncode
    left = tables(engine)
    schema.upgrade(engine)
    complete = tables(engine)
    engine.dispose()

    assert code == -signal.SIGKILL
    assert left == set()
    assert complete == OURS


UPGRADE = """
import sys
from pathlib import Path
from bot.storage import engine, schema

made = engine.plain_engine(engine.url_of(sys.argv[1], Path(sys.argv[2])))
print("there", flush=True)
sys.stdin.readline()
schema.upgrade(made)
print("done")
"""


def test_two_processes_that_begin_at_once_make_the_tables_once(url: str, tmp_path: Path) -> None:
    """One waits for the other, and both find the tables there."""
    command = [sys.executable, "-c", UPGRADE, url, str(tmp_path / "novera.db")]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=30)[0].splitlines()[-1:] for process in running]

    assert ended == [["done"], ["done"]]


async def test_newer_tables_are_refused_once_and_for_all(
    url: str, tmp_path: Path, engine: Engine
) -> None:
    """With advice; nothing in the database is touched, and questions fail."""
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    async with opened(url, tmp_path) as (storage, refused):
        storage.start()
        await until(lambda: bool(refused), timeout_s=20)
    with engine.connect() as connection:
        found = schema.current(connection)
    engine.dispose()

    assert refused[0].revision == found == "9999"
    assert "newer version" in refused[0].advice
    assert "a-password" not in refused[0].advice


async def test_what_is_answered_is_kept(url: str, tmp_path: Path) -> None:
    """By the next process too; many at once are all kept."""
    async with opened(url, tmp_path) as (storage, _):
        await asyncio.gather(*(add(storage, number) for number in range(40)))
    async with opened(url, tmp_path) as (storage, _):
        found = await users(storage)

    assert found == 40


async def test_who_is_cancelled_leaves_whole_transactions_and_no_connection(
    url: str, tmp_path: Path
) -> None:
    """At any moment: each transaction is kept as a whole or not at all, and all go on."""
    draw = random.Random(7)
    ended: list[int] = []

    async def pair(number: int) -> None:
        async def work(session: AsyncSession) -> None:
            session.add(UserRow(user_id=2 * number))
            await session.flush()
            await asyncio.sleep(draw.random() * 0.004)
            session.add(UserRow(user_id=2 * number + 1))

        await storage.write(work)
        ended.append(number)

    async with opened(url, tmp_path) as (storage, _):
        await users(storage)
        for number in range(60):
            asked = asyncio.ensure_future(pair(number))
            await asyncio.sleep(draw.random() * 0.012)
            asked.cancel()
            await asyncio.wait({asked})
        found = set(await storage.read(_user_ids))
        opened_one: Any = storage._opened
        held, health = opened_one._engine.sync_engine.pool.checkedout(), storage.health

    assert {2 * number for number in ended} <= found
    assert {each + 1 for each in found if each % 2 == 0} == {each for each in found if each % 2}
    assert 0 < len(ended) < 60
    assert held == 0
    assert (health.state, health.retried, health.failed) == ("ready", 0, 0)


async def _user_ids(session: AsyncSession) -> Sequence[int]:
    return (await session.scalars(select(UserRow.user_id))).all()


async def test_limits_of_postgresql_are_those_of_each_transaction(
    postgresql: str, tmp_path: Path
) -> None:
    """Poolers refuse options of a connection, or hand it with them to somebody else."""
    asked = text("SELECT setting, source FROM pg_settings WHERE name = 'statement_timeout'")

    async def work(session: AsyncSession) -> tuple[str, str]:
        setting, source = (await session.execute(asked)).one()
        return setting, source

    async with opened(postgresql, tmp_path) as (storage, _):
        found = await storage.read(work)

    assert found == ("10000", "session")


async def test_a_text_is_kept_and_found_without_nul_characters(url: str, tmp_path: Path) -> None:
    """PostgreSQL knows none, and no user types one."""

    async def work(session: AsyncSession) -> Sequence[str | None]:
        session.add(UserRow(user_id=1, timezone="a\0b"))
        await session.flush()
        asked = select(UserRow.timezone).where(UserRow.timezone == "\0ab")
        return (await session.scalars(asked)).all()

    async with opened(url, tmp_path) as (storage, _):
        found = await storage.write(work)

    assert found == ["ab"]


async def test_work_that_fails_leaves_nothing(url: str, tmp_path: Path) -> None:
    """A handler's own error goes through, and takes the whole transaction with it."""

    async def work(session: AsyncSession) -> None:
        session.add(UserRow(user_id=1))
        await session.flush()
        raise KeyError("mine")

    async with opened(url, tmp_path) as (storage, _):
        with pytest.raises(KeyError, match="mine"):
            await storage.write(work)
        found = await users(storage)
        state = storage.health.state

    assert (found, state) == (0, "ready")


async def test_sums_that_two_work_on_at_once_are_right(url: str, tmp_path: Path) -> None:
    """One that reads first and writes then does not lose what the other wrote (in one process)."""

    async def work(session: AsyncSession) -> None:
        row = await session.get(UserRow, 1, with_for_update=True)
        assert row is not None
        row.timezone = str(int(row.timezone or 0) + 1)

    async with opened(url, tmp_path) as (storage, _):
        await add(storage, 1)
        await asyncio.gather(*(storage.write(work) for _ in range(20)))
        row = await storage.read(lambda session: session.get(UserRow, 1))

    assert row is not None
    assert row.timezone == "20"


@pytest.mark.slow
async def test_a_database_that_another_process_writes_is_waited_for(
    url: str, tmp_path: Path, engine: Engine
) -> None:
    """Three seconds of somebody else's lock are a delay and no error; the loop goes on."""
    async with opened(url, tmp_path) as (storage, _):
        await add(storage, 1)
        other = engine.connect().execution_options(**{WRITES: True})
        other.begin()
        if storage.dialect == "postgresql":
            other.execute(text("LOCK TABLE users IN EXCLUSIVE MODE"))
        waiting = asyncio.ensure_future(add(storage, 2))
        turns = 0
        for turns in range(1, 301):  # noqa: B007 - counted
            await asyncio.sleep(0.01)
        waited = not waiting.done()
        other.rollback()
        other.close()
        engine.dispose()
        await waiting
        found, state = await users(storage), storage.health.state

    assert waited
    assert turns == 300
    assert (found, state) == (2, "ready")


async def test_a_damaged_file_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """Questions fail with what to do; the file is left as it is, for whoever can save it."""
    path = tmp_path / "novera.db"
    path.write_bytes(b"not a database " * 1000)
    async with opened("", tmp_path) as (storage, refused):
        storage.start()
        await until(lambda: storage.health.state == "degraded")
        problem = storage.health.problem
        path.unlink()  # the operator helps
        await add(storage, 1)
        state = storage.health.state

    assert "restore a backup" in str(problem)
    assert (refused, state) == ([], "ready")


async def test_what_is_to_be_done_once_it_is_open_waits_however_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is done again when the database was lost in it; longer than any question waits."""
    monkeypatch.setattr(storing, "OPEN_WAIT_S", 0.05)
    monkeypatch.setattr(storing, "BACKOFF_CAP_S", 0.05)
    path = tmp_path / "novera.db"
    path.write_bytes(b"not a database " * 1000)
    begun: list[int] = []

    async with opened("", tmp_path) as (storage, _):

        async def work() -> None:
            begun.append(len(begun))
            if len(begun) == 1:
                raise StorageError("it", "lost")
            await add(storage, 1)

        task = storage.when_open(work, name="later")
        with pytest.raises(StorageError):
            await users(storage)
        waits = not task.done() and not begun
        path.unlink()
        await task
        found = await users(storage)

    assert waits
    assert (begun, found) == ([0, 1], 1)


async def test_what_waits_for_the_opening_ends_with_the_bot(tmp_path: Path) -> None:
    """Without having been done."""
    (tmp_path / "novera.db").write_bytes(b"not a database " * 1000)
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)

    async with opened("", tmp_path) as (storage, _):
        task = storage.when_open(work, name="later")
        await until(lambda: storage.health.state == "degraded")
    await task

    assert begun == []


async def test_a_database_that_others_failed_at_is_asked(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a write of nothing, which leaves nothing; one that answers is not called degraded."""
    async with opened(url, tmp_path) as (storage, _):
        await add(storage, 1)
        asked: list[bool] = []
        run = storage._run

        async def counted(work: Any, *, writes: bool) -> Any:
            asked.append(writes)
            return await run(work, writes=writes)

        monkeypatch.setattr(storage, "_run", counted)
        storage.look()
        storage.look()
        await until(lambda: storage._looking is not None and storage._looking.done())
        found, health = await users(storage), storage.health

    assert asked == [True, False]
    assert (found, health.state, health.failed) == (1, "ready", 0)


def modes_of(folder: Path) -> dict[str, int]:
    """Answer the rights of the files of the database."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.glob("novera.db*")}


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Beside it lie its log and its index."""
    async with opened("", tmp_path) as (storage, _):
        await add(storage, 1)
        modes = modes_of(tmp_path)

    assert modes == dict.fromkeys(("novera.db", "novera.db-wal", "novera.db-shm"), 0o600)


async def test_a_transaction_that_was_answered_survives_a_power_cut(tmp_path: Path) -> None:
    """The file is written through with each of them."""
    async with opened("", tmp_path) as (storage, _):
        await add(storage, 1)
        modes = await storage.read(_pragmas)
    with closing(sqlite3.connect(tmp_path / "novera.db")) as other:
        seen = other.execute("SELECT count(*) FROM users").fetchone()

    assert modes == ("wal", 2, 1)
    assert seen == (1,)


async def _pragmas(session: AsyncSession) -> tuple[object, ...]:
    names = ("journal_mode", "synchronous", "foreign_keys")
    return tuple([(await session.execute(text(f"PRAGMA {name}"))).scalar() for name in names])


async def test_what_is_to_be_imported_is_when_the_database_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another thread: whoever waits for the database imports nothing in the loop."""
    source = "import threading\nthread = threading.get_ident()\n"
    (tmp_path / "early_store.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    async with opened("", tmp_path) as (storage, _):
        storage.preload("early_store")
        await storage.opened()
        imported = sys.modules.pop("early_store", None)

    assert imported is not None
    assert imported.thread != threading.get_ident()


@pytest.mark.parametrize("source", ["import nothing_of_this_name", "import sys\nsys.exit(1)"])
async def test_a_plugin_that_can_not_be_imported_keeps_nobody_from_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """It is that plugin's trouble when it asks for its own tables."""
    (tmp_path / "broken_store.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    async with opened("", tmp_path) as (storage, _):
        storage.preload("broken_store")
        await add(storage, 1)

        assert await users(storage) == 1
