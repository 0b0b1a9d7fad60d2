"""Claims over the borders of processes, and in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.storage.claims import KEEP_DAYS, ClaimError, PostgresqlClaims, claims_of
from bot.storage.database import connected
from tests.integration.serving import settings_for
from tests.sources import ROOT

# Claims what its arguments say, at the moment it is told to; prints what it got.
RACER = """
import asyncio, sys
from pathlib import Path
from bot.storage.claims import PostgresqlClaims, SqliteClaims

async def main():
    where, keys = sys.argv[1], range(int(sys.argv[2]))
    store = PostgresqlClaims(where) if "://" in where else SqliteClaims(Path(where))
    print("there", flush=True)
    sys.stdin.readline()
    print(*[key for key in keys if await store.claim(f"key:{key}")])
    await store.close()

asyncio.run(main())
"""
KEYS = 100


def race(where: str, processes: int) -> list[int]:
    """Let *processes* claim the same keys at once; answers what they got, all together."""
    command = [sys.executable, "-c", RACER, where, str(KEYS)]
    running = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(processes)
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "there\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    answers = [each.communicate(timeout=50)[0] for each in running]
    assert [each.returncode for each in running] == [0] * processes
    return sorted(int(key) for answer in answers for key in answer.split())


def test_processes_that_race_get_each_key_once(tmp_path: Path) -> None:
    """They make the file and the table in the same moment, too."""
    assert race(str(tmp_path / "novera.db"), 4) == list(range(KEYS))


def test_processes_that_race_in_postgresql_get_each_key_once(postgresql: str) -> None:
    """The same, with a server between them."""
    assert race(postgresql, 3) == list(range(KEYS))


@pytest.fixture
async def store(postgresql: str) -> AsyncIterator[PostgresqlClaims]:
    """Claims in a server of our own."""
    store = PostgresqlClaims(postgresql)
    yield store
    await store.close()


async def test_postgresql_keeps_claims_as_sqlite_does(
    postgresql: str, store: PostgresqlClaims
) -> None:
    """First, second, forgotten, at once, by another process, 30 days later."""
    assert [await store.claim("a"), await store.claim("a")] == [True, False]
    await store.forget("a")
    answers = await asyncio.gather(*(store.claim("a") for _ in range(20)))
    assert sorted(answers) == [False] * 19 + [True]

    other = await connected(postgresql)
    age = f"UPDATE novera_effect_claims SET claimed_at = now() - interval '{KEEP_DAYS + 1} days'"
    await store.claim("b")
    await other.execute(age)
    assert [await store.claim("a"), await store.claim("a")] == [True, False]

    await other.execute(f"{age} WHERE key = 'b'")
    pruning = PostgresqlClaims(postgresql)  # clears away when it begins
    await pruning.claim("c")
    await pruning.close()
    asked = await other.execute("SELECT key FROM novera_effect_claims ORDER BY key")
    left = await asked.fetchall()
    await other.close()

    assert left == [("a",), ("c",)]


async def test_connections_that_the_server_ends_are_made_anew(
    postgresql: str, store: PostgresqlClaims
) -> None:
    """As when it is restarted."""
    await store.claim("a")
    other = await connected(postgresql)
    asked = await other.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    ended = await asked.fetchone()
    await other.close()

    assert ended == (1,)
    assert not await store.claim("a")


async def test_who_may_not_make_tables_may_use_the_one_that_is_there(
    postgresql: str, store: PostgresqlClaims
) -> None:
    """An operator made it with other rights."""
    await store.claim("a")
    owner = await connected(postgresql)
    await owner.execute("CREATE ROLE guest LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON novera_effect_claims TO guest")
    await owner.close()
    guest = PostgresqlClaims(postgresql.replace("novera:", "guest:"))

    assert [await guest.claim("a"), await guest.claim("b")] == [False, True]
    await guest.close()


async def test_a_server_that_refuses_is_told_without_its_password(
    postgresql: str, tmp_path: Path
) -> None:
    """The address comes from the settings."""
    url = SecretStr(f"{postgresql}_absent")
    store = claims_of(settings_for(tmp_path, {"database_url": url}))
    with pytest.raises(ClaimError, match="DATABASE_URL") as caught:
        await store.claim("a")
    await store.close()

    assert isinstance(store, PostgresqlClaims)
    assert "a-password" not in str(caught.value)


async def test_a_server_that_is_not_there_is_told() -> None:
    """And so is a bot that is stopping."""
    store = PostgresqlClaims("postgresql://novera@127.0.0.1:1/postgres")
    with pytest.raises(ClaimError, match="see that it runs"):
        await store.claim("a")
    await store.close()

    with pytest.raises(ClaimError, match="stopping"):
        await store.claim("a")
