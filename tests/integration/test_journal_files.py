"""The journal on disk: what a later process finds, whatever became of the file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.gateway.journal import files
from bot.gateway.journal.following import Position, load_since
from bot.gateway.journal.keeper import SessionJournal
from bot.gateway.journal.reading import Saved, Unusable, load
from bot.gateway.session import Dispatch, Session
from tests.integration.serving import until

READY = {"user": {"id": "1"}, "guilds": []}


class Writing:
    """A journal in a folder, and short words for what is noted in it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        limits: dict[str, Any] = {"max_bytes": 1 << 20, "max_events": 1000}
        self.folder, self.sequence = folder, 0
        self.journal = SessionJournal(folder, fingerprint="f", **limits | options)

    @property
    def path(self) -> Path:
        """Where the first shard's file lies."""
        return self.folder / "journal-0.sqlite3"

    def begin(self, session_id: str = "secret-session") -> None:
        """A session begins."""
        self.sequence = 0
        self.come("READY", READY)
        session = Session(session_id=session_id, sequence=1, address="wss://gateway.example")
        self.journal.on_session(0, session)

    def come(self, name: str = "GUILD_CREATE", data: Any = None) -> int:
        """An event comes; answers its sequence."""
        self.sequence += 1
        data = {"id": "5", "roles": []} if data is None else data
        raw = orjson.dumps({"op": 0, "t": name, "s": self.sequence, "d": data}).decode()
        self.journal.on_dispatch(
            Dispatch(shard_id=0, sequence=self.sequence, name=name, raw=raw, data=data)
        )
        return self.sequence

    def found(self, fingerprint: str = "f") -> Saved | Unusable:
        """Answer what another process finds now."""
        return load(self.folder, fingerprint)[0]

    def saved(self) -> Saved:
        """Answer the same, which can be used."""
        found = self.found()
        assert isinstance(found, Saved)
        return found


@contextlib.asynccontextmanager
async def writing(folder: Path, **options: Any) -> AsyncIterator[Writing]:
    """Yield a journal that has begun a session; it is not ended in order."""
    one = Writing(folder, **options)
    one.begin()
    yield one
    await one.journal.close(clean=False)


async def test_a_later_process_finds_session_events_and_marks(tmp_path: Path) -> None:
    """Everything that continues the session."""
    async with writing(tmp_path) as one:
        one.come()
        one.come("MESSAGE_CREATE", {"guild_id": "5", "channel_id": "6", "id": "7"})
        await one.journal.flush()
        saved = one.saved()

    assert (saved.session.session_id, saved.session.sequence) == ("secret-session", 3)
    assert saved.session.address == "wss://gateway.example"
    assert [(each.sequence, each.name) for each in saved.events] == [
        (1, "READY"),
        (2, "GUILD_CREATE"),
    ]
    assert orjson.loads(saved.events[1].raw)["d"] == {"id": "5", "roles": []}
    assert saved.last_messages == {6: 7}
    assert (saved.marks.received, saved.marks.clean) == (3, False)
    assert abs(saved.marks.received_at_s - time.time()) < 60


async def test_the_replay_begins_before_the_oldest_unfinished_event(tmp_path: Path) -> None:
    """The cache is restored up to there, and not further."""
    async with writing(tmp_path) as one:
        for _ in range(3):
            one.come()
        one.journal.on_begun(0, 3, 1)
        one.journal.on_begun(0, 4, 2)
        await one.journal.flush()
        saved = one.saved()
        one.journal.on_finished(0, 3)
        await one.journal.flush()
        later = one.saved()

    assert saved.marks.unfinished == {3: 1, 4: 2}
    assert (saved.session.sequence, saved.events[-1].sequence) == (2, 2)
    assert (later.marks.unfinished, later.events[-1].sequence) == ({4: 2}, 3)


async def test_what_is_unfinished_at_an_orderly_end_has_killed_nobody(tmp_path: Path) -> None:
    """Attempts count deaths."""
    one = Writing(tmp_path)
    one.begin()
    one.journal.on_begun(0, one.come(), 1)
    await one.journal.close(clean=True)

    assert (one.saved().marks.unfinished, one.saved().marks.clean) == ({2: 0}, True)


async def test_the_file_goes_on_in_a_later_process(tmp_path: Path) -> None:
    """What comes is added, what is replayed is not stored again, and `clean` is over at once."""
    one = Writing(tmp_path)
    one.begin()
    one.journal.on_begun(0, one.come(), 1)
    await one.journal.close(clean=True)

    other = Writing(tmp_path)
    other.journal.continue_from({0: one.saved()})
    await other.journal.flush()
    begun_anew = other.saved().marks
    other.sequence = 1
    other.journal.on_begun(0, other.come(), 1)
    other.journal.on_finished(0, other.come())
    other.journal.on_finished(0, 2)
    await other.journal.close(clean=False)

    assert (begun_anew.clean, begun_anew.unfinished) == (False, {2: 0})
    assert [each.sequence for each in other.saved().events] == [1, 2, 3]
    assert (other.saved().marks.received, other.saved().marks.unfinished) == (3, {})


async def test_a_new_session_begins_the_file_anew(tmp_path: Path) -> None:
    """Nothing of the old one is left."""
    async with writing(tmp_path) as one:
        one.journal.on_begun(0, one.come(), 1)
        await one.journal.flush()
        one.begin("another")
        await one.journal.flush()
        saved = one.saved()

    assert saved.session.session_id == "another"
    assert (len(saved.events), saved.marks.received, saved.marks.unfinished) == (1, 1, {})


async def test_a_session_that_is_over_is_not_continued(tmp_path: Path) -> None:
    """Also when the process that says so did not write the file."""
    async with writing(tmp_path) as one:
        await one.journal.flush()
    other = Writing(tmp_path)
    other.journal.on_session(0, None)
    await other.journal.close(clean=True)

    found = other.found()
    assert isinstance(found, Unusable)
    assert found.reason == "session_over"


async def test_an_event_that_was_refused_is_not_restored(tmp_path: Path) -> None:
    """Neither one of the same batch nor one that was on disk already."""
    async with writing(tmp_path) as one:
        first, second = one.come(), one.come()
        one.journal.on_refused(0, first)
        await one.journal.flush()
        one.journal.on_refused(0, second)
        one.come()
        await one.journal.flush()

        assert [each.sequence for each in one.saved().events] == [1, 4]


async def test_another_configuration_is_told_apart(tmp_path: Path) -> None:
    """And how old what is not used is."""
    async with writing(tmp_path) as one:
        await one.journal.flush()
        found = one.found("another fingerprint")

    assert isinstance(found, Unusable)
    assert (found.reason, found.received_at_s is not None) == ("fingerprint", True)


def modes(folder: Path) -> dict[str, int]:
    """Answer the permissions of what is in *folder*, by name."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """The files hold a session and a resume address, and are made under 0600."""
    async with writing(tmp_path) as one:
        await one.journal.flush()
        names = modes(tmp_path)

    assert sorted(names) == [f"journal-0.sqlite3{end}" for end in ("", "-shm", "-wal")]
    assert set(names.values()) == {0o600}


def test_no_journal_is_nothing(tmp_path: Path) -> None:
    """A first start finds an empty folder, or none."""
    assert load(tmp_path, "f") == {}
    assert load(tmp_path / "missing", "f") == {}


def link(path: Path) -> None:
    """A symbolic link to a readable file."""
    (path.parent / "elsewhere").write_bytes(b"x")
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize(
    ("make", "is_replaced"),
    [
        pytest.param(lambda path: path.write_bytes(b""), True, id="empty"),
        pytest.param(lambda path: path.write_bytes(b"garbage" * 999), True, id="garbage"),
        pytest.param(lambda path: path.mkdir(), False, id="a folder"),
        pytest.param(os.mkfifo, False, id="a FIFO"),
        pytest.param(link, False, id="a link"),
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_a_strange_file_is_not_read(
    make: Callable[[Path], object], is_replaced: bool, tmp_path: Path
) -> None:
    """It is told, never raised, and a new session replaces it or goes on without."""
    make(tmp_path / "journal-0.sqlite3")

    found = load(tmp_path, "f")[0]
    async with writing(tmp_path) as one:
        one.come()
        await one.journal.flush()
        again, facts = one.found(), one.journal.facts()

    assert isinstance(found, Unusable)
    assert found.reason in ("broken", "schema")
    assert (isinstance(again, Saved), facts.usable) == (is_replaced, is_replaced)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal file without its write-ahead log, of some pages."""

    async def write(folder: Path) -> Path:
        async with writing(folder) as one:
            for number in range(60):
                one.come(data={"id": f"{number}1", "roles": [], "name": "n" * 900})
            one.journal.on_begun(0, one.sequence, 1)
        return one.path

    return asyncio.run(write(tmp_path_factory.mktemp("intact"))).read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.floats(0, 1, exclude_max=True), junk=st.none() | st.binary(min_size=1, max_size=300)
)
def test_a_torn_file_is_broken_or_whole(
    intact: bytes, tmp_path: Path, place: float, junk: bytes | None
) -> None:
    """Cut off or overwritten anywhere, it never raises, and no event comes out changed."""
    path, raw = tmp_path / "journal-0.sqlite3", bytearray(intact)
    files.remove(path)  # what the example before left beside it as well
    path.write_bytes(raw)
    whole = load(tmp_path, "f")[0]
    assert isinstance(whole, Saved)
    start = int(place * len(raw))
    if junk is None:
        del raw[start:]
    else:
        raw[start : start + len(junk)] = junk
    path.write_bytes(raw)
    for companion in ("-wal", "-shm"):
        path.with_name(path.name + companion).unlink(missing_ok=True)

    found = load(tmp_path, "f")[0]

    assert isinstance(found, Unusable) or set(found.events) <= set(whole.events)


@contextlib.contextmanager
def locked(path: Path) -> Any:
    """Keep everybody else from writing to the file, as a disk that hangs does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a disk tenths of seconds, not seconds."""
    monkeypatch.setattr("bot.gateway.journal.shard.RETRY_FOR_S", 0.3)
    monkeypatch.setattr("bot.gateway.journal.shard.RETRY_EVERY_S", 0.02)
    monkeypatch.setattr("bot.gateway.journal.store.BUSY_TIMEOUT_S", 0.01)


async def test_a_disk_that_refuses_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """Nothing is lost, and nothing is given up."""
    async with writing(tmp_path) as one:
        await one.journal.flush()
        with locked(one.path):
            one.come()
            await asyncio.sleep(0.1)
        await one.journal.flush()

        assert one.saved().marks.received == 2
        assert one.journal.facts().usable


async def test_a_disk_that_hangs_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay of a hundred events would take minutes else; later it is waited for again."""
    async with writing(tmp_path) as one:
        await one.journal.flush()
        with locked(one.path):
            one.come()
            monkeypatch.setattr("bot.gateway.journal.keeper.FLUSH_TIMEOUT_S", 0.1)
            await one.journal.flush()
            monkeypatch.setattr("bot.gateway.journal.keeper.FLUSH_TIMEOUT_S", 60.0)
            await one.journal.flush()
            while_it_hung = one.journal.facts().lag_ms
        await until(lambda: one.journal.facts().lag_ms == 0.0)
        one.come()
        await one.journal.flush()

        assert while_it_hung is not None
        assert while_it_hung > 0
        assert one.saved().marks.received == 3


@pytest.mark.usefixtures("impatient")
async def test_a_disk_that_refuses_for_long_ends_the_journal(tmp_path: Path) -> None:
    """An older state of the file must not be taken for the newest; READY begins it anew."""
    async with writing(tmp_path) as one:
        await one.journal.flush()
        with locked(one.path):
            one.come()
            await until(lambda: one.journal.facts().reason == "disk")
        left = load(tmp_path, "f")
        one.begin("another")
        await one.journal.flush()

        assert not any(isinstance(each, Saved) for each in left.values())
        assert one.saved().session.session_id == "another"
        assert one.journal.facts().usable


@pytest.mark.usefixtures("impatient")
async def test_a_disk_that_is_too_slow_ends_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is bounded; the loop does not wait."""
    monkeypatch.setattr("bot.gateway.journal.shard.RETRY_FOR_S", 30.0)
    monkeypatch.setattr("bot.gateway.journal.keeper.MAX_WAITING_NOTES", 100)
    async with writing(tmp_path) as one:
        await one.journal.flush()
        with locked(one.path):
            for _ in range(300):
                one.come("TYPING_START", {})
                await asyncio.sleep(0)
            lag_ms = one.journal.facts().lag_ms
        await until(lambda: one.journal.facts().reason == "overflow")
        found = one.found()
        one.begin("another")
        await one.journal.flush()

        assert isinstance(found, Unusable)
        assert found.reason == "overflow"
        assert (lag_ms or 0.0) > 0
        assert one.saved().session.session_id == "another"


async def test_a_file_that_vanished_is_told(tmp_path: Path) -> None:
    """The next process would find nothing."""
    async with writing(tmp_path) as one:
        await one.journal.flush()
        one.path.unlink()
        one.come()
        await one.journal.flush()

        assert one.journal.facts().reason == "vanished"


async def test_a_journal_that_stays_too_large_is_given_up(tmp_path: Path) -> None:
    """Compaction is tried once, not at every batch."""
    async with writing(tmp_path, max_bytes=2000) as one:
        for number in range(3):
            one.come(data={"id": f"{number}1", "roles": [], "name": "n" * 900})
        await one.journal.flush()
        await until(lambda: one.journal.facts().reason == "too_large")
        found = one.found()

    assert isinstance(found, Unusable)
    assert found.reason == "too_large"


async def test_an_event_that_cannot_be_merged_ends_the_journal(tmp_path: Path) -> None:
    """Nothing is guessed."""
    async with writing(tmp_path, max_events=3) as one:
        one.come()
        one.come("GUILD_ROLE_CREATE", {"guild_id": "5", "role": "admin"})
        one.come()
        await one.journal.flush()

        await until(lambda: one.journal.facts().reason == "unmergeable")


async def test_compaction_stops_before_unfinished_events(tmp_path: Path) -> None:
    """What a restore must not see yet stays apart."""
    async with writing(tmp_path, max_events=20) as one:
        for number in range(9):
            role = {"guild_id": "5", "role": {"id": str(number)}}
            one.come() if number == 0 else one.come("GUILD_ROLE_CREATE", role)
        unfinished = one.sequence
        one.journal.on_begun(0, unfinished, 1)
        for number in range(20, 40):
            one.come("GUILD_ROLE_CREATE", {"guild_id": "5", "role": {"id": str(number)}})
        await until(lambda: 0 < one.journal.facts().events < 26)
        saved = one.saved()

    assert [each.name for each in saved.events] == ["READY", "GUILD_CREATE"]
    assert len(orjson.loads(saved.events[1].raw)["d"]["roles"]) == 7
    assert saved.marks.resume_from == unfinished - 1


async def test_a_spare_is_told_to_start_over(tmp_path: Path) -> None:
    """After a new session, or when what it has not seen was merged into what it has."""
    async with writing(tmp_path, max_events=10) as one:
        one.come()
        await one.journal.flush()
        position = Position.of(one.saved())
        nothing = load_since(tmp_path, "f", {0: position})[0]
        for number in range(20):
            one.come("GUILD_ROLE_CREATE", {"guild_id": "5", "role": {"id": str(number)}})
        await one.journal.flush()
        await until(lambda: one.journal.facts().events < 12)
        merged = load_since(tmp_path, "f", {0: position})[0]
        newest = Position.of(one.saved())
        one.begin("another")
        await one.journal.flush()
        anew = load_since(tmp_path, "f", {0: newest})[0]

    assert isinstance(nothing, Saved)
    assert (nothing.events, nothing.since) == ((), 2)
    assert isinstance(merged, Unusable)
    assert isinstance(anew, Unusable)
    assert (merged.reason, anew.reason) == ("starts_over", "starts_over")


async def test_each_shard_has_a_file(tmp_path: Path) -> None:
    """One that is over does not end the others."""
    journal = SessionJournal(tmp_path, fingerprint="f", max_bytes=1 << 20, max_events=100)
    for shard_id in (0, 3):
        raw = orjson.dumps({"d": READY}).decode()
        ready = Dispatch(shard_id=shard_id, sequence=1, name="READY", raw=raw, data=READY)
        journal.on_dispatch(ready)
        session = Session(session_id="s", sequence=1, address=None, shard_id=shard_id)
        journal.on_session(shard_id, session)
    journal.on_session(3, None)
    await journal.close(clean=True)

    found = load(tmp_path, "f")

    assert {shard_id: type(each) for shard_id, each in found.items()} == {0: Saved, 3: Unusable}


async def test_a_closed_journal_takes_no_more(tmp_path: Path) -> None:
    """Late notes, and a second close, are nothing."""
    async with writing(tmp_path) as one:
        await one.journal.close(clean=True)
        one.come()
        await one.journal.flush()

    assert one.saved().marks.received == 1
