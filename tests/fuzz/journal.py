"""Session journals on disk: torn, overwritten, with rows and tables that no bot writes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import discord

from bot.gateway.journal import files
from bot.gateway.journal.batch import Begun, Came, Finished, SessionIs
from bot.gateway.journal.following import Position, load_since
from bot.gateway.journal.reading import Saved, Unusable, load
from bot.gateway.journal.shard import Limits, ShardJournal
from bot.gateway.restore import RestoreError, restore
from bot.gateway.session import Session
from tests.fakes import FakeClock
from tests.fuzz.choices import Choices, built
from tests.fuzz.mutation import byte_edited, edited
from tests.fuzz.surface import Check, Input, Surface
from tests.fuzz.watchdog_files import in_a_folder
from tests.integration.test_journal_compaction import Noted, recorded

PRINT = "f"
SESSION = Session(session_id="s", sequence=1, address="wss://gateway.example", shard_count=None)
EVENTS: Sequence[Noted] = recorded(5, 40, members=3)
LIMITS = Limits(max_bytes=1 << 20, max_events=30)
COLUMNS = (
    *("session.fingerprint", "session.session_id", "session.address", "session.shard_id"),
    *("session.shard_count", "session.received", "session.received_at_s", "session.compacted"),
    *("session.events", "session.clean", "session.unusable", "events.sequence", "events.part"),
    *("events.guild", "events.name", "events.raw", "events.checksum", "inbox.sequence"),
    *("inbox.attempts", "last_messages.channel", "last_messages.message", "last_messages.sequence"),
)
VALUES = (
    *("NULL", "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "1e999", "-1e999"),
    "0.5",
    *("''", "'x'", "x''", "x'ff'", "'1'", "CAST(x'ff80' AS TEXT)", "zeroblob(100000)", "1e300"),
    "2",
    *("'wss://xn--a.example'", "'ws://['", "'wss://' || char(0)", "'http://a'"),
    "hex(zeroblob(9000))",
    *("'READY'", "'GUILD_CREATE'", "'NO_SUCH_EVENT'", "'INTERACTION_CREATE'", "CAST('{}' AS BLOB)"),
)
ENDLESS_SESSION = (
    "ALTER TABLE session RENAME TO s; CREATE VIEW session AS WITH RECURSIVE n(i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT s.* FROM s, n WHERE n.i < 0"
)
ENDLESS_INBOX = (
    "ALTER TABLE inbox RENAME TO i; CREATE VIEW inbox AS WITH RECURSIVE n(i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS sequence, 1 AS attempts FROM n"
)
TRIGGER = "CREATE TRIGGER t AFTER UPDATE ON session BEGIN DELETE FROM events; END"
STATEMENTS = (
    *("DELETE FROM session", "DELETE FROM events", "DROP TABLE inbox", "DROP TABLE events"),
    "VACUUM",
    *("PRAGMA user_version = 7", "DELETE FROM events WHERE name = 'READY'"),
    "DROP INDEX events_of_guild",
    *("ALTER TABLE session RENAME COLUMN clean TO dirty", "UPDATE events SET part = part + 1"),
    *(ENDLESS_SESSION, ENDLESS_INBOX, TRIGGER),
    "ALTER TABLE events RENAME TO e; CREATE VIEW events AS SELECT e.* FROM e, e AS f, e AS g",
    "INSERT OR IGNORE INTO session (one, fingerprint) VALUES (1, 'f')",
)


def write_base(path: Path) -> None:
    """Write a journal of some guilds that changed."""
    journal = ShardJournal(
        path, 0, fingerprint=PRINT, limits=Limits(max_bytes=1 << 30, max_events=9999)
    )
    notes = [
        Came(0, sequence, name, raw.decode(), guild, message=None)
        for sequence, guild, name, raw in EVENTS
    ]
    last = EVENTS[-1][0]
    message = Came(0, last + 1, "MESSAGE_CREATE", message=(6, 7))
    journal.write([*notes, SessionIs(0, SESSION), message, Begun(0, last + 1, 1)], at_s=1e9)
    journal.close(in_order=False)


def spoil(path: Path, choices: Choices) -> None:
    """Change the file in one of the ways of this surface."""
    match choices.number(6):
        case 0:
            path.write_bytes(byte_edited(path.read_bytes(), choices, (b"\0" * 512, b"SQLite")))
        case 1:
            raw = byte_edited(path.read_bytes()[:100], choices)
            path.write_bytes(raw + path.read_bytes()[100:])
        case 2:
            path.with_name(path.name + "-wal").write_bytes(choices.some_bytes(100) * 40)
        case 3:
            _execute(path, choices.pick(STATEMENTS))
        case 4:
            for _ in range(1 + choices.number(2)):
                table, _, column = choices.pick(COLUMNS).partition(".")
                where = (
                    ""
                    if choices.number(2)
                    else " WHERE rowid = (SELECT max(rowid) FROM " + table + ")"
                )
                _execute(path, f"UPDATE {table} SET {column} = {choices.pick(VALUES)}{where}")
        case _:
            for _ in range(1 + choices.number(2)):
                _change_event(path, choices)


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        with contextlib.suppress(sqlite3.Error):  # what SQLite itself does not let happen
            connection.executescript(statement)
    finally:
        connection.close()


def _change_event(path: Path, choices: Choices) -> None:
    """Change what an event says, with the checksum that fits."""
    sequence, _, name, raw = choices.pick(EVENTS)
    changed = json.dumps(edited(json.loads(raw), choices), ensure_ascii=True).encode()
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(
            "UPDATE events SET raw = ?, checksum = ? WHERE sequence = ?",
            (changed, files.checksum(sequence, name, changed), sequence),
        )
    finally:
        connection.close()


def journal_of(path: Path) -> ShardJournal:
    """Answer the journal as a process has it that starts now; it waits for the disk in no time."""
    clock = FakeClock()
    return ShardJournal(path, 0, fingerprint=PRINT, limits=LIMITS, clock=clock, sleep=clock.advance)


def go_on(path: Path, saved: Saved) -> None:
    """Continue the file as the process would that restored it, until it is compacted."""
    journal = journal_of(path)
    journal.go_on(saved.marks.received, saved.marks.unfinished)
    sequence = min(saved.marks.received, 1 << 40) + 1
    raw = EVENTS[-1][3].decode()
    journal.write([Came(0, sequence, EVENTS[-1][2], raw, EVENTS[-1][1])], at_s=1e9)
    journal.write([Finished(0, each) for each in saved.marks.unfinished], at_s=1e9)
    for _ in range(50):
        if not journal.has_work:
            break
        journal.compact()
    journal.close(in_order=True)
    load(path.parent, PRINT)


async def into_a_cache(saved: Saved) -> bool:
    """Restore what was read, by discord.py's own parsers; answers whether they took it."""
    client = discord.Client(intents=discord.Intents.all())
    await client._async_setup_hook()
    try:
        await restore(client, {0: saved}, is_partial=False)
    except RestoreError:
        return False
    finally:
        await client.close()
    return True


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Write a journal once; each input gets a copy of it."""
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        folders: list[Path] = []
        stack.enter_context(in_a_folder(lambda folder, _: folders.append(folder))())(())
        path = files.path_of(folders[0], 0)
        write_base(path)
        base = path.read_bytes()

        def check(given: Input) -> None:
            files.remove(path)
            path.write_bytes(base)
            spoil(path, Choices(given[0]))
            found = load(path.parent, PRINT)
            saved = found[0]
            if isinstance(saved, Unusable):
                journal = journal_of(path)
                journal.write([Came(0, 1, "READY", EVENTS[0][3].decode())], at_s=1e9)
                journal.write([SessionIs(0, SESSION)], at_s=1e9)
                journal.close(in_order=True)
                assert journal.reason is None, f"no new session after {saved.reason}"
                return
            load_since(path.parent, PRINT, {0: Position(session_id="s", sequence=5)})
            if runner.run(into_a_cache(saved)):
                go_on(path, saved)

        yield check


def build(choices: Choices) -> Input:
    """Answer what is to be done to the file: SQLite's own bytes differ from version to version."""
    return (choices.some_bytes(120) or b"\x03",)


SURFACE = Surface(name="journal", inputs=built(build, size=120), opened=opened, batch=1000)
