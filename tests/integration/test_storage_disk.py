"""The file of SQLite on a disk that is full, read-only or gone wrong, while the bot serves."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage import storage as storing
from bot.storage.errors import StorageError
from bot.storage.models import UserRow
from bot.storage.storage import Storage
from tests.faults import fill_disk, freezable_disk, read_only, small_disk
from tests.integration.serving import until
from tests.integration.test_storage import add, opened, users


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a small disk of its own."""
    folder = tmp_path / "state"
    folder.mkdir()
    try:
        mounted = small_disk(folder)
        mounted.__enter__()
    except OSError as error:
        pytest.skip(f"no disk can be mounted here: {error.strerror}")
    yield folder
    mounted.__exit__(None, None, None)


async def write_much(storage: Storage, user_id: int, length: int = 100_000) -> None:
    """Write more than what a page that is there already may hold."""

    async def work(session: AsyncSession) -> None:
        session.add(UserRow(user_id=user_id, timezone="x" * length))

    await storage.write(work)


@pytest.mark.slow
async def test_a_full_disk_is_told_until_a_write_succeeds(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered before stays; reads go on and are no proof of health; no error stays."""
    monkeypatch.setattr(storing, "BACKOFF_CAP_S", 0.2)
    async with opened("", disk) as (storage, _):
        await add(storage, 1)
        with fill_disk(disk):
            with pytest.raises(StorageError, match="disk") as caught:
                await write_much(storage, 2)
            found, state = await users(storage), storage.health.state
            with pytest.raises(StorageError):
                await write_much(storage, 3)
        await until(lambda: storage.health.state == "ready")  # nobody asked for anything
        await write_much(storage, 4)
        left = await users(storage)

    assert "full" in caught.value.advice
    assert (found, state) == (1, "degraded")
    assert left == 2
    assert storage.health.problem is None


@pytest.mark.slow
async def test_a_folder_that_takes_no_files_is_told_and_left(tmp_path: Path) -> None:
    """It is opened as soon as it can be."""
    folder = tmp_path / "state"
    folder.mkdir()
    try:
        mounted = freezable_disk(folder) if os.geteuid() == 0 else read_only(folder)
        mounted.__enter__()
    except OSError as error:
        pytest.skip(f"no disk can be mounted here: {error.strerror}")
    try:
        with read_only(folder):
            async with opened("", folder) as (storage, refused):
                storage.start()
                await until(lambda: storage.health.state == "degraded")
                problem = storage.health.problem
        async with opened("", folder) as (storage, refused):
            await add(storage, 1)
            state = storage.health.state
    finally:
        mounted.__exit__(None, None, None)

    assert "folder can be written" in str(problem)
    assert str(tmp_path) not in str(problem)
    assert (refused, state) == ([], "ready")


async def test_damage_met_while_serving_stays_told(tmp_path: Path) -> None:
    """At once, without trying again; what can still be read is read, and is no recovery."""
    async with opened("", tmp_path) as (storage, _):
        await write_much(storage, 1, 4_000_000)
    path = tmp_path / "novera.db"
    with path.open("r+b") as file:
        file.seek(2_000_000)
        file.write(b"\xff" * 100_000)
    async with opened("", tmp_path) as (storage, refused):
        await storage.opened()
        with pytest.raises(StorageError, match="damaged"):
            await storage.read(_all)
        await add(storage, 2)
        kept = await storage.read(lambda session: session.get(UserRow, 2))
        health = storage.health

    assert kept is not None
    assert (health.state, health.retried, refused) == ("degraded", 0, [])
    assert "restore a backup" in str(health.problem)


async def _all(session: AsyncSession) -> int:
    return len((await session.execute(text("SELECT timezone FROM users"))).all())


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
async def test_a_file_that_is_taken_away_is_told_and_what_it_held_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    """No new file is begun, and another one is left as it is: with our log it would be damaged."""
    monkeypatch.setattr(storing, "WATCH_S", 0.05)
    path, other = tmp_path / "novera.db", tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as made:
        made.execute("CREATE TABLE mine (x)")
    theirs = other.read_bytes()
    async with opened("", tmp_path) as (storage, refused):
        await add(storage, 1)
        await add(storage, 2)
        if replaced:
            shutil.move(other, path)
        else:
            path.unlink()
        await until(lambda: storage.health.state == "degraded")
        problem = str(storage.health.problem)
        await add(storage, 3)
        state = storage.health.state
    (kept,) = (each for each in os.scandir(tmp_path) if "rescued" in each.name)
    with closing(sqlite3.connect(kept)) as saved:
        found = saved.execute("SELECT user_id FROM users").fetchall()

    assert kept.name in problem
    assert found == [(1,), (2,)]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (refused, state) == ([], "degraded")
    assert (path.read_bytes() == theirs) if replaced else not path.exists()


async def test_no_new_connection_opens_another_file(tmp_path: Path) -> None:
    """Not even before anybody has looked."""
    path = tmp_path / "novera.db"
    async with opened("", tmp_path) as (storage, _):
        engine = await storage.sync_engine()
        with engine.connect():  # the one that is open is in use
            path.unlink()
            with pytest.raises(StorageError, match="removed or replaced"):
                await users(storage)
        health = storage.health

    assert not path.exists()
    assert (health.state, health.retried) == ("degraded", 0)
