"""Claims in a SQLite file: one taker in 30 days, whatever happens to file and process."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage import claims
from bot.storage.claims import DAY_S, KEEP_DAYS, ClaimError, SqliteClaims, claims_of
from tests.fakes import FakeClock
from tests.integration.serving import settings_for


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is; nobody has made it yet."""
    return tmp_path / "novera.db"


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SqliteClaims]:
    """Claims that go by the fake clock."""
    clock.now_s = time.time()
    store = SqliteClaims(path, wall_clock=clock)
    yield store
    await store.close()


def rows(path: Path) -> list[str]:
    """Answer the claimed keys, as another process reads them."""
    connection = sqlite3.connect(path)
    try:
        return [key for (key,) in connection.execute("SELECT key FROM effect_claims ORDER BY key")]
    finally:
        connection.close()


async def test_the_first_claim_is_the_only_one(store: SqliteClaims) -> None:
    """Each key by itself."""
    assert await store.claim("a")
    assert not await store.claim("a")
    assert await store.claim("b")


async def test_of_many_at_once_one_gets_it(store: SqliteClaims) -> None:
    """Handlers run beside each other."""
    answers = await asyncio.gather(*(store.claim("a") for _ in range(50)))

    assert sorted(answers) == [False] * 49 + [True]


async def test_a_claim_outlives_its_process(store: SqliteClaims, path: Path) -> None:
    """The next one finds it."""
    await store.claim("a")
    await store.close()
    next_one = SqliteClaims(path)

    assert not await next_one.claim("a")
    await next_one.close()


async def test_a_claim_that_was_forgotten_is_free(store: SqliteClaims) -> None:
    """Forgetting what nobody claimed is no error."""
    await store.claim("a")
    await store.forget("a")
    await store.forget("never claimed")

    assert await store.claim("a")


async def test_a_claim_is_kept_for_thirty_days(store: SqliteClaims, clock: FakeClock) -> None:
    """To the second, whenever old ones are cleared away."""
    await store.claim("a")
    clock.advance(KEEP_DAYS * DAY_S - 1)
    before = await store.claim("a")
    clock.advance(2)

    assert not before
    assert await store.claim("a")


async def test_old_claims_are_cleared_away_each_day(
    store: SqliteClaims, path: Path, clock: FakeClock
) -> None:
    """The file does not grow for ever."""
    await store.claim("old")
    clock.advance((KEEP_DAYS + 1) * DAY_S)
    await store.claim("new")

    assert rows(path) == ["new"]


async def test_the_file_is_for_its_owner_alone(store: SqliteClaims, path: Path) -> None:
    """Keys may tell who bought what."""
    await store.claim("a")
    files = sorted(path.parent.glob("novera.db*"))

    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_a_claim_is_written_through(store: SqliteClaims) -> None:
    """A power cut right after the answer does not free it."""
    await store.claim("a")
    mode = await store._ask(lambda connection: connection.execute("PRAGMA synchronous").fetchone())

    assert mode == (2,)


async def test_the_loop_goes_on_while_another_process_writes(
    store: SqliteClaims, path: Path
) -> None:
    """The thread waits for the lock, and gets the claim once it is free."""
    await store.claim("a")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(store.claim("b"))
    turns = 0
    for turns in range(1, 21):  # noqa: B007 - counted
        await asyncio.sleep(0.01)
    waited = not waiting.done()
    other.execute("ROLLBACK")
    other.close()

    assert waited
    assert turns == 20
    assert await waiting


async def test_a_lock_that_is_never_given_up_is_told(
    store: SqliteClaims, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told to go on, and the claim works again afterwards."""
    monkeypatch.setattr(claims, "BUSY_TIMEOUT_S", 0.1)
    await store.claim("a")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ClaimError, match="locked"):
        await store.claim("b")
    other.execute("ROLLBACK")
    other.close()

    assert await store.claim("b")


async def test_a_file_that_is_no_database_is_told(store: SqliteClaims, path: Path) -> None:
    """With where it is, and what to look at."""
    path.write_text("not a database " * 100, encoding="utf-8")  # noqa: ASYNC240 - a test's own file

    with pytest.raises(ClaimError, match="see that the disk has room") as caught:
        await store.claim("a")
    assert str(path) in str(caught.value)


async def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    """And it is tried anew at the next claim."""
    store = SqliteClaims(tmp_path / "absent" / "novera.db")
    with pytest.raises(ClaimError):
        await store.claim("a")
    (tmp_path / "absent").mkdir()

    assert await store.claim("a")
    await store.close()


async def test_after_its_end_nothing_is_claimed(store: SqliteClaims) -> None:
    """A handler that outlives the services hears of it."""
    await store.close()

    with pytest.raises(ClaimError, match="stopping"):
        await store.claim("a")


async def test_nothing_is_opened_before_it_is_used(path: Path, tmp_path: Path) -> None:
    """A bot without such effects has no such file."""
    store = claims_of(settings_for(tmp_path, {}))
    await store.close()

    assert isinstance(store, SqliteClaims)
    assert list(path.parent.iterdir()) == []
