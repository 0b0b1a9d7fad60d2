"""The database of a real bot process: newer tables, and the commands of docs/storage.md."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from bot.storage import engine as engines
from bot.storage import schema
from tests.integration.webhook_stand_in import answer, webhook
from tests.postgresql import initdb
from tests.sources import ROOT
from tests.system.conftest import Make
from tests.system.installation import Installation, until

NAME = "novera-20260304-030000.db"  # as docs/storage.md has it


def commands(heading: str) -> list[str]:
    """Answer the commands of the block under *heading*, without their comments."""
    text = (ROOT / "docs/storage.md").read_text(encoding="utf-8").partition(heading)[2]
    (block, *_) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.partition("#")[0].strip() for line in block.splitlines()]


def test_newer_tables_end_the_bot_with_advice(installation: Installation) -> None:
    """No restart mends that: 78, in words, and the tables are as they were."""
    installation.start_simulator()
    database = installation.state / "novera.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as made:
        made.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        made.execute("INSERT INTO alembic_version VALUES ('9999')")

    code, printed = installation.run(*installation.python("bot"), timeout_s=40)
    lines = installation.records("bot.jsonl")
    at = {line["event"]: datetime.fromisoformat(line["timestamp"]) for line in lines}

    told = printed + installation.text("bot.jsonl")
    assert code == 78, printed
    assert "was written by a newer version (schema 9999)" in told
    assert "install that version" in told
    assert (at["bot.stopped"] - at["storage.refused"]).total_seconds() < 1
    complaints = [line["event"] for line in lines if line["level"] in ("warning", "error")]
    assert [each for each in complaints if not each.startswith("loop.")] == [
        "storage.refused",
        "bot.failed",
    ]
    with closing(sqlite3.connect(database)) as left:
        assert left.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_lost_database_is_seen_by_the_operator_and_restarts_nothing(
    make_installation: Make,
) -> None:
    """In the beat, the JSON, the page, the terminal and one alert; mended, it is seen as well."""
    with webhook(answer(204)) as hook:
        installation = make_installation(ALERT_WEBHOOK_URL=hook.url)
        database = installation.state / "novera.db"
        database.write_bytes(b"not a database " * 1000)
        installation.start_simulator()
        installation.start_supervisord()
        pid = installation.wait_ready().pid
        until(lambda: installation.verdict() == "degraded", "the watchdog sees it")
        until(lambda: hook.all_titles, "an alert", within_s=20)
        code, health = installation.healthz()
        page = installation.http("/")[1].decode()
        terminal = installation.run(*installation.python("watchdog", "status"))
        served = installation.say("!ping on")
        database.unlink()  # the operator helps
        until(lambda: installation.verdict() == "healthy", "it is opened", within_s=20)
        titles = hook.all_titles

    advice = "the file is damaged; stop the bot and restore a backup"
    assert (code, health["reason"], health["heartbeat"]["storage"]["state"]) == (
        200,
        "database",
        "degraded",
    )
    assert advice in health["advice"]
    assert advice in health["heartbeat"]["storage"]["problem"]
    assert "<h2>Database</h2>" in page
    assert advice in page
    assert terminal[0] == 0
    assert advice in terminal[1]
    assert served == "pong on"
    assert titles == ["Warning: database"]
    assert installation.bot_pid() == pid
    assert health["restarts"]["total"] == 0
    assert installation.records("incidents.jsonl") == []


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_commands_of_the_page_do_what_it_says(installation: Installation) -> None:
    """Under supervisord: backups while the bot serves, a restore that waits for its end."""
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    database = installation.state / "novera.db"
    until(lambda: _has_tables(installation), "tables")
    now, elsewhere, stop, restore, start = commands("## Backups of SQLite")
    copy = installation.folder.with_name(f"{installation.folder.name}-copy.db")
    elsewhere = elsewhere.replace("../novera-copy.db", str(copy))
    with closing(sqlite3.connect(database, isolation_level=None)) as made:
        made.execute("INSERT INTO users (user_id) VALUES (1)")

    answers = [installation.run("bash", "-c", each) for each in (now, elsewhere)]
    (backup,) = (installation.state / "backups").iterdir()
    backup.rename(backup.with_name(NAME))
    with closing(sqlite3.connect(database, isolation_level=None)) as made:
        made.execute("INSERT INTO users (user_id) VALUES (2)")
    too_early = installation.run("bash", "-c", restore)
    answers += [installation.run("bash", "-c", each, timeout_s=60) for each in (stop, restore)]
    answers.append(installation.run("bash", "-c", start, timeout_s=60))
    installation.wait_ready()
    with closing(sqlite3.connect(database)) as left:
        users = left.execute("SELECT user_id FROM users").fetchall()
    copy_is_there = copy.exists()
    copy.unlink(missing_ok=True)

    assert [code for code, _ in answers] == [0] * 5, answers
    assert copy_is_there
    assert too_early[0] == 1
    assert "The bot runs" in too_early[1]
    assert users == [(1,)]


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_commands_for_postgresql_do_what_the_page_says(
    make_installation: Make, postgresql: str
) -> None:
    """A dump while the bot serves, private; what came after it is gone, and numbers count on."""
    installation = make_installation(DATABASE_URL=postgresql)
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    until(lambda: _storage_state(installation) == "ready", "the database is open")
    prepare, dump, stop, restore, start = commands("## PostgreSQL")

    def shell(line: str) -> tuple[int, str]:
        return installation.run("bash", "-c", f"{prepare}; {line}", timeout_s=60, **_path())

    with psycopg.connect(postgresql, autocommit=True) as database:
        database.execute("INSERT INTO users (user_id) VALUES (1)")
        database.execute(TAG, ("first",))
    answers = [shell(dump)]
    with psycopg.connect(postgresql, autocommit=True) as database:
        database.execute("INSERT INTO users (user_id) VALUES (2)")
    answers += [shell(each) for each in (stop, restore, start)]
    installation.wait_ready()
    until(lambda: _storage_state(installation) == "ready", "the database is open")
    with psycopg.connect(postgresql, autocommit=True) as database:
        users = database.execute("SELECT user_id FROM users").fetchall()
        number = database.execute(f"{TAG} RETURNING id", ("second",)).fetchall()

    assert [code for code, _ in answers] == [0] * 4, answers
    assert (installation.folder / "novera.dump").stat().st_mode & 0o777 == 0o600
    assert users == [(1,)]
    assert number == [(2,)]


@pytest.mark.slow
def test_a_dump_of_an_older_version_comes_back_into_an_emptied_database(
    installation: Installation, postgresql: str
) -> None:
    """Over tables of a newer version it is refused as a whole, as the page says."""
    installation.write_env(DATABASE_URL=postgresql)
    schema.upgrade(engine := engines.plain_engine(engines.url_of(postgresql, Path())))
    engine.dispose()
    prepare, dump, _, restore, _ = commands("## PostgreSQL")
    (empty,) = re.findall(r"`(psql .*?)`", (ROOT / "docs/storage.md").read_text(encoding="utf-8"))

    def shell(line: str) -> int:
        return installation.run("bash", "-c", f"{prepare}; {line}", timeout_s=60, **_path())[0]

    codes = [shell(dump)]
    with psycopg.connect(postgresql, autocommit=True) as database:
        database.execute("CREATE TABLE newer (panel_id bigint REFERENCES panels (id))")
        database.execute("INSERT INTO users (user_id) VALUES (1)")
    codes.append(shell(restore))
    with psycopg.connect(postgresql, autocommit=True) as database:
        untouched = database.execute("SELECT user_id FROM users").fetchall()
    codes += [shell(empty), shell(restore)]
    with psycopg.connect(postgresql, autocommit=True) as database:
        restored = database.execute("SELECT user_id FROM users").fetchall()

    assert codes == [0, 1, 0, 0]
    assert (untouched, restored) == ([(1,)], [])


TAG = (
    "INSERT INTO tags (guild_id, key, name, content, owner_id, uses, created_at)"
    " VALUES (1, %s, '', '', 1, 0, 0)"
)


def _path() -> dict[str, str]:
    """Answer a search path with PostgreSQL's own programs."""
    found = initdb()
    assert found is not None
    return {"PATH": f"{found.parent}:{os.environ['PATH']}"}


def _storage_state(installation: Installation) -> str:
    """Answer what the leader's beat says of the database."""
    beat = installation.beat()
    return beat.storage.state if beat is not None else ""


def _has_tables(installation: Installation) -> bool:
    try:
        with closing(sqlite3.connect(installation.state / "novera.db")) as opened:
            return bool(opened.execute("SELECT count(*) FROM users").fetchone())
    except sqlite3.Error:
        return False
