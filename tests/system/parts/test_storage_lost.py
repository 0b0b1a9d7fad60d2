"""The database goes away while the bot serves, and comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage import storage as storing
from bot.storage.errors import SchemaError, StorageError
from bot.storage.models import UserRow
from bot.storage.storage import Storage
from bot.tasks.manager import TaskManager
from tests.community.stage import serving, simulated
from tests.integration.serving import settings_for, until
from tests.postgresql import PASSWORD, Server, initdb

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL that no other test uses; it runs."""
    found = initdb()
    if found is None:
        pytest.skip("no PostgreSQL server here; .ci/run installs one")
    server = Server(found)
    server.start()
    yield server
    server.end()


async def keep(storage: Storage, user_id: int) -> None:
    """Keep a user; one that a lost answer left in doubt may be there already."""

    async def work(session: AsyncSession) -> None:
        await session.merge(UserRow(user_id=user_id))

    await storage.write(work)


async def kept(storage: Storage) -> set[int]:
    """Answer who is kept."""

    async def work(session: AsyncSession) -> set[int]:
        return set((await session.scalars(select(UserRow.user_id))).all())

    return await storage.read(work)


async def test_what_was_answered_outlives_the_death_of_the_server(
    server: Server, tmp_path: Path
) -> None:
    """It dies under many writers and starts again: each was told truly, and all go on."""
    answered: set[int] = set()
    unanswered = 0
    settings = settings_for(tmp_path, {"database_url": SecretStr(server.url())})
    async with TaskManager() as tasks:
        storage = Storage(settings, tasks=tasks, on_refused=lambda error: None)
        ended = asyncio.Event()

        async def write(numbers: Iterator[int]) -> None:
            nonlocal unanswered
            while not ended.is_set():
                number = next(numbers)
                try:
                    await keep(storage, number)
                    answered.add(number)
                except StorageError:
                    unanswered += 1
                    await asyncio.sleep(0.05)

        writers = [
            asyncio.ensure_future(write(iter(range(first, 10**9, 4)))) for first in range(1, 5)
        ]
        await until(lambda: len(answered) > 100)
        await asyncio.to_thread(server.stop)
        before = len(answered)
        await asyncio.to_thread(server.start)
        await until(lambda: len(answered) > before + 100, timeout_s=30)
        ended.set()
        await asyncio.gather(*writers)
        found, health = await kept(storage), storage.health
        await storage.close()

    assert answered <= found
    assert health.state == "ready"
    assert health.retried + unanswered > 0


async def test_a_server_that_neither_answers_nor_fails_is_told_and_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a host that is gone: nobody waits for ever, and it is seen by whoever asks nothing."""
    monkeypatch.setattr(storing, "ANSWER_WITHIN_S", 1.0)
    monkeypatch.setattr(storing, "PING_S", 0.3)
    monkeypatch.setattr(storing, "BACKOFF_CAP_S", 0.2)
    settings = settings_for(tmp_path, {"database_url": SecretStr(server.url())})
    async with TaskManager() as tasks:
        storage = Storage(settings, tasks=tasks, on_refused=lambda error: None)
        await keep(storage, 1)
        server.freeze()
        try:
            await until(lambda: storage.health.state == "degraded")
            with pytest.raises(StorageError, match="neither answers nor fails"):
                await keep(storage, 2)
        finally:
            server.thaw()
        await until(lambda: storage.health.state == "ready")
        await keep(storage, 3)
        found = await kept(storage)
        await storage.close()

    assert {1, 3} <= found


async def test_a_server_that_takes_no_writes_is_told_until_it_does(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a replica that was not promoted, or a disk that ran full: it still reads."""
    monkeypatch.setattr(storing, "RETRY_FOR_S", 0.2)
    monkeypatch.setattr(storing, "BACKOFF_CAP_S", 0.2)
    settings = settings_for(tmp_path, {"database_url": SecretStr(server.url())})
    async with TaskManager() as tasks:
        storage = Storage(settings, tasks=tasks, on_refused=lambda error: None)
        await keep(storage, 1)
        with psycopg.connect(server.url(), autocommit=True) as operator:
            operator.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            operator.execute("SELECT pg_reload_conf()")
            await until(lambda: not _takes_writes(server))
            with pytest.raises(StorageError, match="ReadOnlySqlTransaction"):
                await keep(storage, 2)
            found, lost = await kept(storage), storage.health.state
            operator.execute("SET default_transaction_read_only = off")
            operator.execute("ALTER SYSTEM RESET default_transaction_read_only")
            operator.execute("SELECT pg_reload_conf()")
        await until(lambda: storage.health.state == "ready")
        await keep(storage, 3)
        await storage.close()

    assert (found, lost) == ({1}, "degraded")


def _takes_writes(server: Server) -> bool:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SHOW default_transaction_read_only").fetchone()
    return row == ("off",)


async def test_a_password_that_is_wrong_is_told_and_a_right_one_is_taken(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends the bot; the address is not repeated."""
    monkeypatch.setattr(storing, "BACKOFF_CAP_S", 0.2)
    server.ask_passwords()
    url = server.url().replace(PASSWORD, "another-one")
    settings = settings_for(tmp_path, {"database_url": SecretStr(url)})
    refused: list[SchemaError] = []
    async with TaskManager() as tasks:
        storage = Storage(settings, tasks=tasks, on_refused=refused.append)
        storage.start()
        await until(lambda: storage.health.state == "degraded")
        problem = str(storage.health.problem)
        with psycopg.connect(server.url(), autocommit=True) as operator:
            operator.execute("ALTER USER novera PASSWORD 'another-one'")
        await until(lambda: storage.health.state == "ready")
        await keep(storage, 1)
        await storage.close()

    assert problem == "it refuses the user or the password of DATABASE_URL"
    assert refused == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(("/postgres", "/nothing"), "no such database", id="database"),
        pytest.param(("127.0.0.1", "nowhere.invalid"), "name of its host", id="host"),
        pytest.param((":", ":1"), "nobody answers there", id="port"),
    ],
)
async def test_an_address_that_is_wrong_is_told(
    server: Server, tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    """In words, since PostgreSQL's own may hold the address."""
    head, _, tail = server.url().rpartition(change[0])
    url = head + (re.sub(r"^\d+", ":1", tail) if change[0] == ":" else change[1] + tail)
    settings = settings_for(tmp_path, {"database_url": SecretStr(url)})
    async with TaskManager() as tasks:
        storage = Storage(settings, tasks=tasks, on_refused=lambda error: None)
        storage.start()
        await until(lambda: storage.health.state == "degraded", timeout_s=20)
        problem = str(storage.health.problem)
        await storage.close()

    assert told in problem


async def test_a_bot_without_its_database_goes_on(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who needs it is told so, the others are served; nothing asks for an end or a restart."""
    async with (
        simulated(tmp_path) as stage,
        serving(stage, monkeypatch, ("settings",), database_url=server.url()),
    ):
        assert "is set" in await stage.say("!settings set timezone UTC", user="owner")
        await asyncio.to_thread(server.stop)
        told = await stage.driver.say("!settings set prefix ?", user="owner", wait_s=25)
        state = stage.services.storage.health.state
        served = await stage.say("!ping", user="alice")
        await asyncio.to_thread(server.start)
        again = await stage.say("!settings set prefix ?", user="owner")
        stops, recovered = stage.stops, stage.services.storage.health.state

    assert told["reply"] is not None
    assert (state, recovered) == ("degraded", "ready")
    assert served.startswith("pong")
    assert "is set" in again
    assert stops == []


async def test_a_bot_starts_without_its_database(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is opened as soon as it is there."""
    await asyncio.to_thread(server.stop)
    async with (
        simulated(tmp_path) as stage,
        serving(stage, monkeypatch, ("settings",), database_url=server.url()),
    ):
        served = await stage.say("!ping", user="alice")
        stage.services.storage.start()
        await until(lambda: stage.services.storage.health.state == "degraded", timeout_s=20)
        await asyncio.to_thread(server.start)
        await until(lambda: stage.services.storage.health.state == "ready", timeout_s=20)
        again = await stage.say("!settings set prefix ?", user="owner")

    assert served.startswith("pong")
    assert "is set" in again
