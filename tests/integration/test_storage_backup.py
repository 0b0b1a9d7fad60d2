"""Backups of SQLite: whole, private, made beside a bot that writes, and brought back."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from bot import backups
from bot.leadership import FileLeadership
from bot.storage import backup, schema
from bot.storage import engine as engines
from bot.storage.backup import BackupError
from bot.storage.nightly import NightlyBackups
from bot.storage.rotation import name_at
from bot.tasks.manager import TaskManager
from tests.integration.serving import settings_for

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with all tables, a row and a -wal, as a process that was killed leaves it."""
    path = tmp_path / "novera.db"
    made = engines.plain_engine(engines.url_of("", path))
    schema.upgrade(made)
    made.dispose()
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("INSERT INTO users (user_id) VALUES (1)")
        os._exit(0)
    os.waitpid(child, 0)
    return path


def users(path: Path) -> list[int]:
    """Answer whom a database keeps."""
    with closing(sqlite3.connect(path)) as opened:
        return [each for (each,) in opened.execute("SELECT user_id FROM users ORDER BY user_id")]


def test_a_backup_is_whole_private_and_one_file(database: Path, tmp_path: Path) -> None:
    """What only the -wal holds is in it."""
    folder = tmp_path / "backups"
    assert database.with_name("novera.db-wal").stat().st_size > 0

    made = backup.make_dated(database, folder, now=NOW)

    assert [path.name for path in folder.iterdir()] == ["novera-20260304-050607.db"]
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made.revision == schema.revisions()[-1]
    assert users(made.path) == [1]
    assert len(list(folder.iterdir())) == 1  # reading it needs no files beside it


def test_a_backup_holds_one_moment_while_others_write(database: Path, tmp_path: Path) -> None:
    """A writer is neither held up for long nor seen in half: it writes pairs."""
    ended = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            number = 10
            while not ended.is_set():
                number += 2
                other.execute("BEGIN IMMEDIATE")
                for each in (number, number + 1):
                    other.execute("INSERT INTO users (user_id) VALUES (?)", (each,))
                other.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = []
        for turn in range(10):
            made = backup.make(database, tmp_path / f"copy{turn}.db")
            counts.append(len(users(made.path)))
    finally:
        ended.set()
        writer.join()

    assert [count % 2 for count in counts] == [1] * 10
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_what_is_damaged_is_no_backup(database: Path, tmp_path: Path) -> None:
    """It is told, and nothing lies there afterwards."""
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)

    with pytest.raises(BackupError, match=r"damaged|malformed"):
        backup.make(database, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


def test_a_backup_that_fails_takes_none_away(database: Path, tmp_path: Path) -> None:
    """Rotation comes after the new one is there."""
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [folder / name_at(NOW - timedelta(days=day)) for day in range(60)]
    for path in old:
        path.touch()
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(BackupError):
        backup.make_dated(database, folder, now=NOW)

    assert sorted(folder.iterdir()) == sorted(old)


def test_old_backups_and_leftovers_go(database: Path, tmp_path: Path) -> None:
    """What a process that died in it left is taken away a day later, not at once."""
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 60):
        (folder / name_at(NOW - timedelta(days=day))).touch()
    for name, age_s in ((".old.1.part", 2 * 86_400), (".new.2.part", 60)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age_s,) * 2)

    made = backup.make_dated(database, folder, now=NOW)
    names = {path.name for path in folder.iterdir()}

    assert len(names) == 12
    assert {made.path.name, ".new.2.part"} <= names


def test_a_database_comes_back(database: Path, tmp_path: Path) -> None:
    """What was there is kept with its -wal, and does not leak into what comes."""
    made = backup.make(database, tmp_path / "good.db")
    with closing(sqlite3.connect(database, isolation_level=None)) as opened:
        opened.execute("INSERT INTO users (user_id) VALUES (2)")

    aside = backup.restore(made.path, database, now=NOW)

    assert users(database) == [1]
    assert aside is not None
    assert users(aside) == [1, 2]
    assert database.stat().st_mode & 0o777 == 0o600


def test_a_damaged_database_is_replaced_all_the_same(database: Path, tmp_path: Path) -> None:
    """That is what backups are for; its -wal goes aside with it."""
    made = backup.make(database, tmp_path / "good.db")
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("INSERT INTO users (user_id) VALUES (2)")
        os._exit(0)
    os.waitpid(child, 0)
    database.write_bytes(b"no database" * 1000)

    aside = backup.restore(made.path, database, now=NOW)

    assert aside is not None
    assert aside.read_bytes().startswith(b"no database")
    assert users(database) == [1]


# What people say to it


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """Answer all that was printed."""
    return "".join(capsys.readouterr())


def test_restore_refuses_while_the_bot_runs(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The leader's lock is asked, and held while the file is replaced."""
    settings, lock = settings_for(tmp_path, {}), tmp_path / "leader.lock"
    made = backup.make(database, tmp_path / "good.db")
    with FileLeadership(lock) as leader:
        leader.try_acquire()
        refused = backups.restore(settings, made.path, lock=lock)
    told = said(capsys)

    assert refused == 1
    assert f"process {os.getpid()}" in told
    assert "supervisorctl stop bot" in told
    assert "Nothing was changed" in told
    assert backups.restore(settings, made.path, lock=lock) == 0
    assert "novera-before-novera-" in said(capsys)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param("UPDATE alembic_version SET version_num = '9999'", "newer", id="newer"),
        pytest.param("DROP TABLE alembic_version", "no tables of this bot", id="foreign"),
    ],
)
def test_restore_refuses_what_the_bot_could_not_use(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, told: str
) -> None:
    """Before anything is changed."""
    made = backup.make(database, tmp_path / "good.db")
    with closing(sqlite3.connect(made.path, isolation_level=None)) as opened:
        opened.execute(change)
    code = backups.restore(settings_for(tmp_path, {}), made.path, lock=tmp_path / "lock")

    assert code == 1
    assert told in said(capsys)
    assert users(database) == [1]
    assert list(tmp_path.glob("*before*")) == []


def test_a_backup_is_never_written_over_a_file(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that was mistyped costs nothing."""
    settings, target = settings_for(tmp_path, {}), tmp_path / "mine"

    codes = [backups.make(settings, target), backups.make(settings, target)]

    assert codes == [0, 1]
    assert "is there already" in said(capsys)
    assert users(database) == [1]


def test_postgresql_has_its_own_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are named, and the address is not."""
    url = "postgresql://novera:a-password@db/novera"
    settings = settings_for(tmp_path, {"database_url": SecretStr(url)})
    codes = [
        backups.make(settings, None),
        backups.restore(settings, tmp_path / "x", lock=tmp_path / "lock"),
    ]
    told = said(capsys)

    assert codes == [1, 1]
    assert told.count("pg_dump") == 2
    assert "a-password" not in told


# At night


class Serving:
    """As much of the services as backups use."""

    def __init__(self, state_dir: Path, tasks: TaskManager, dialect: str = "sqlite") -> None:
        self.settings, self.tasks = settings_for(state_dir, {}), tasks
        self.storage = self
        self.dialect = dialect


@pytest.mark.usefixtures("database")
async def test_each_night_has_its_backup(tmp_path: Path) -> None:
    """One, however often it is looked."""
    hours = iter([NOW + timedelta(hours=hour) for hour in range(49)])
    async with TaskManager() as tasks:
        nightly = NightlyBackups(cast(Any, Serving(tmp_path, tasks)), now=lambda: next(hours))
        for _ in range(49):
            await nightly.look()
    names = sorted(path.name for path in (tmp_path / "backups").iterdir())

    assert names == [
        "novera-20260304-050607.db",
        "novera-20260305-030607.db",
        "novera-20260306-030607.db",
    ]


@pytest.mark.usefixtures("database")
async def test_a_backup_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    """The next look makes it, and takes the problem back."""
    blocker = tmp_path / "backups"
    blocker.touch()
    async with TaskManager() as tasks:
        nightly = NightlyBackups(cast(Any, Serving(tmp_path, tasks)), now=lambda: NOW)
        await nightly.look()
        problem = nightly.problem
        blocker.unlink()
        await nightly.look()

    assert "backups" in str(problem)
    assert nightly.problem is None
    assert len(list(blocker.iterdir())) == 1


@pytest.mark.usefixtures("database")
async def test_a_folder_that_can_not_be_looked_into_is_told(tmp_path: Path) -> None:
    """Nobody could say whether a backup is due."""
    async with TaskManager() as tasks:
        nightly = NightlyBackups(cast(Any, Serving(tmp_path, tasks)), now=lambda: NOW)
        nightly._folder = tmp_path / ("long" * 100)
        await nightly.look()

    assert "too long" in str(nightly.problem)


async def test_the_runner_ends_with_the_bot(tmp_path: Path) -> None:
    """And does not begin for PostgreSQL."""
    async with TaskManager() as tasks:
        for dialect in ("sqlite", "postgresql"):
            nightly = NightlyBackups(cast(Any, Serving(tmp_path, tasks, dialect)))
            nightly.begin()
            await nightly.close()
        with contextlib.suppress(FileNotFoundError):
            assert list((tmp_path / "backups").iterdir()) == []
