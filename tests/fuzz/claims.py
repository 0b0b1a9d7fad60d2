"""The database of claims on disk: torn, overwritten, with other tables than ours."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bot.storage.claims import ClaimError, SqliteClaims
from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import byte_edited
from tests.fuzz.surface import Check, Input, Surface
from tests.fuzz.watchdog_files import in_a_folder

STATEMENTS = (
    "DROP TABLE effect_claims; CREATE TABLE effect_claims (key TEXT PRIMARY KEY)",
    "ALTER TABLE effect_claims RENAME TO e; CREATE VIEW effect_claims AS SELECT * FROM e",
    "ALTER TABLE effect_claims RENAME COLUMN claimed_at_s TO at",
    "UPDATE effect_claims SET claimed_at_s = 'x'",
    "UPDATE effect_claims SET claimed_at_s = 9e999",
    "UPDATE effect_claims SET key = x'ff'",
    "PRAGMA user_version = 9; PRAGMA journal_mode = DELETE",
    "CREATE TRIGGER t BEFORE INSERT ON effect_claims BEGIN SELECT RAISE(ABORT, 'no'); END",
    "ALTER TABLE effect_claims ADD COLUMN more TEXT NOT NULL DEFAULT 'x'",
)


def build(choices: Choices) -> Input:
    """Answer what is to be done to the file: SQLite's own bytes differ from version to version."""
    return (choices.some_bytes(60) or b"\x01",)


def spoil(path: Path, choices: Choices) -> None:
    """Change the file."""
    if choices.number(3):
        path.write_bytes(byte_edited(path.read_bytes(), choices, (b"\0" * 512, b"SQLite", b"key")))
        return
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(choices.pick(STATEMENTS))
    finally:
        connection.close()


async def claim_all(path: Path) -> None:
    """Claim a key that was claimed, and a new one; forget one, and close."""
    claims = SqliteClaims(path)
    try:
        for key in ("old", "new"):
            with contextlib.suppress(ClaimError):
                assert isinstance(await claims.claim(key), bool)
        with contextlib.suppress(ClaimError):
            await claims.forget("new")
    finally:
        await claims.close()


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Write a database once; each input gets a copy of it."""
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        folders: list[Path] = []
        stack.enter_context(in_a_folder(lambda folder, _: folders.append(folder))())(())
        path = folders[0] / "novera.db"
        runner.run(claim_all(path))
        base = path.read_bytes()

        def check(given: Input) -> None:
            for left in path.parent.iterdir():
                left.unlink()
            path.write_bytes(base)
            spoil(path, Choices(given[0]))
            runner.run(claim_all(path))

        yield check


SURFACE = Surface(name="claims", inputs=built(build, size=64), opened=opened)
