"""What the watchdog reads from disk and socket, broken in every way."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.watchdog_sights import HEALTHY
from watchdog.errors import SupervisordFaultError, SupervisordSilentError
from watchdog.health.observation import ProgramSight
from watchdog.health.probe import Probe
from watchdog.health.verdict import Role
from watchdog.heartbeat import file, identity, schema
from watchdog.incidents.incident import Incident
from watchdog.incidents.journal import MAX_BYTES, Journal
from watchdog.process.memory_kills import read_count
from watchdog.restart.env_file import NO_FILE, SettingsFile
from watchdog.restart.history import History, Now
from watchdog.restart.ledger import Ledger
from watchdog.supervisord.program import Program
from watchdog.supervisord.rpc import SupervisordRpc

INCIDENT = Incident(
    number=1,
    kind="crash",
    cause="SIGKILL",
    first_seen_at="2026-01-01T00:00:00.000Z",
    last_seen_at="2026-01-01T00:00:00.000Z",
    first_seen_s=1.0,
)


class ThisProcess(Program):
    """supervisord's word that the bot is this very process."""

    def look(self) -> ProgramSight:
        """Answer so."""
        return ProgramSight(state="RUNNING", pid=os.getpid())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder that is private, as it should be."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def probe(state: Path) -> Iterator[Probe]:
    """A probe that takes this process for the bot, which has left one good beat."""
    rpc = SupervisordRpc(state / "nobody.sock", timeout_s=0.1)
    beats: dict[Role, Path] = {
        "spare": state / "heartbeat-spare.json",
        "leader": state / "heartbeat.json",
    }
    probe = Probe(ThisProcess(rpc, "bot"), beats)
    own = identity.own()
    beat = replace(
        HEALTHY,
        boot_id=identity.boot_id(),
        pid=own.pid,
        process_started=own.started,
        monotonic_s=time.monotonic(),
    )
    file.write(state / "heartbeat.json", schema.encode(beat))
    yield probe
    probe.release()


def rewrite(path: Path, raw: bytes) -> None:
    """Put *raw* in the place of the beat."""
    path.unlink()
    path.write_bytes(raw)
    path.chmod(0o600)


def replaced(make: Callable[[Path], None]) -> Callable[[Path], None]:
    """Answer what removes the beat and has *make* put something else there."""

    def replace_by(path: Path) -> None:
        path.unlink()
        make(path)

    return replace_by


def sparse(path: Path) -> None:
    """Make a file of 1 GB."""
    with path.open("wb") as stream:
        stream.truncate(10**9)


BREAKS: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": lambda path: rewrite(path, b""),
    "truncated": lambda path: rewrite(path, path.read_bytes()[:100]),
    "garbage": lambda path: rewrite(path, os.urandom(500)),
    "not a number": lambda path: rewrite(path, b'{"schema": NaN}'),
    "another schema": lambda path: rewrite(path, b'{"schema": 99}'),
    "wrong types": lambda path: rewrite(path, path.read_bytes().replace(b"false", b"7")),
    "deep": lambda path: rewrite(path, b"[" * 20_000 + b"]" * 20_000),
    "huge": replaced(sparse),
    "symlink": replaced(lambda path: path.symlink_to("/etc/passwd")),
    "fifo": replaced(lambda path: os.mkfifo(path, 0o600)),
    "folder": replaced(Path.mkdir),
    "device": replaced(lambda path: path.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_beat_is_one_missed_poll(name: str, probe: Probe, state: Path) -> None:
    """Never an exception; the last believed beat stays, and what is wrong is said."""
    before = probe.look(ask=True)
    BREAKS[name](state / "heartbeat.json")

    after = probe.look(ask=True)

    assert before.beat.trouble is None
    assert after.beat.beat == before.beat.beat
    assert after.beat.trouble
    assert not after.beat.distrusted


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"boot_id": "another"}, id="boot"),
        pytest.param({"process_started": 1.0}, id="start time"),
        pytest.param({"pid": 1}, id="pid"),
        pytest.param({"role": "spare"}, id="a spare's in the leader's place"),
    ],
)
def test_a_beat_of_another_life_is_ignored(
    changes: dict[str, object], probe: Probe, state: Path
) -> None:
    """It is neither believed nor a trouble."""
    path = state / "heartbeat.json"
    beat = schema.decode(path.read_bytes())
    file.write(path, schema.encode(replace(beat, **changes)))  # type: ignore[arg-type]

    sight = probe.look(ask=True)

    assert (sight.beat.beat, sight.beat.trouble) == (None, None)


def test_a_spare_beats_in_its_own_place_until_it_leads(probe: Probe, state: Path) -> None:
    """The same process: its newest beat says what it is, and the old one is forgotten."""
    path, own = state / "heartbeat.json", state / "heartbeat-spare.json"
    beat = schema.decode(path.read_bytes())
    path.unlink()
    file.write(own, schema.encode(replace(beat, role="spare")))
    before = probe.look(ask=True).beat
    file.write(path, schema.encode(replace(beat, monotonic_s=beat.monotonic_s + 1)))
    both = probe.look(ask=True).beat
    own.unlink()
    after = probe.look(ask=True).beat

    roles = [sight.beat.role for sight in (before, both, after) if sight.beat is not None]
    assert roles == ["spare", "leader", "leader"]
    assert (before.trouble, both.trouble, after.trouble) == (None, None, None)


def test_a_folder_that_everybody_may_write_is_distrusted(probe: Probe, state: Path) -> None:
    """Whoever can replace the beat could have the bot killed."""
    state.chmod(0o777)

    sight = probe.look(ask=True)

    assert sight.beat.distrusted
    assert sight.beat.trouble is not None


def test_a_ledger_survives_its_process_and_its_disk(tmp_path: Path) -> None:
    """Written whole; a disk that refuses is tried again; garbage is a fresh start."""
    moment = Now(monotonic_s=100.0, unix_s=1e9, boot_id="boot")
    path = tmp_path / "state" / "restarts.json"
    ledger = Ledger(path, moment=lambda: moment)
    ledger.update(History(total=3))  # there is no folder yet
    path.parent.mkdir()
    ledger.flush()

    again = Ledger(path, moment=lambda: moment)
    path.write_bytes(b"\x00")
    broken = Ledger(path, moment=lambda: moment)

    assert again.history == History(total=3)
    assert broken.history == History()
    assert list(path.parent.iterdir()) == [path]


def test_a_torn_record_costs_itself_only(tmp_path: Path) -> None:
    """The next record begins a line of its own."""
    path = tmp_path / "incidents.jsonl"
    journal = Journal(path, boot_id="boot")
    journal.append(INCIDENT)
    with path.open("ab") as stream:
        stream.write(b'{"schema": 1, "record": "clo')

    journal.append(replace(INCIDENT, number=2))

    assert journal.last(now_s=5.0) == replace(INCIDENT, number=2)
    assert len(path.read_bytes().splitlines()) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_journal_is_bounded(tmp_path: Path) -> None:
    """It rotates, and the last incident is still found."""
    path = tmp_path / "incidents.jsonl"
    journal = Journal(path, boot_id="boot")
    long = replace(INCIDENT, stack="x" * 16_000)
    for number in range(500):
        journal.append(replace(long, number=number))
    path.unlink()

    last = journal.last(now_s=5.0)

    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 3 * MAX_BYTES
    assert last is not None
    assert last.number > 300


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    """A record is worth more than the question of who tidied up."""
    path = tmp_path / "logs" / "incidents.jsonl"

    assert Journal(path, boot_id="boot").append(INCIDENT) is True
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_disk_that_refuses_costs_the_record_only(tmp_path: Path) -> None:
    """No exception reaches the tick."""
    (tmp_path / "logs").touch()
    journal = Journal(tmp_path / "logs" / "incidents.jsonl", boot_id="boot")

    assert journal.append(INCIDENT) is False
    assert journal.lost == 1


def test_env_is_new_only_when_its_content_is(tmp_path: Path) -> None:
    """A touch is no change; a new content, a new file and none at all are."""
    path = tmp_path / ".env"
    settings = SettingsFile(path)
    marks = [settings.mark()]
    path.write_text("A=1")
    marks.append(settings.mark())
    os.utime(path, ns=(1, 1))
    marks.append(settings.mark())
    path.write_text("A=2")
    os.utime(path, ns=(2, 2))
    marks.append(settings.mark())
    path.unlink()
    os.mkfifo(path)
    marks.append(settings.mark())

    assert marks[0] == NO_FILE
    assert marks[1] == marks[2]
    assert len({marks[0], marks[1], marks[3]}) == 3


@pytest.mark.parametrize(
    ("files", "count"),
    [
        pytest.param({}, None, id="nothing to read"),
        pytest.param({"proc/vmstat": "pgfault 7\noom_kill 4\n"}, 4, id="the system's"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/bot\n",
                "sys/fs/cgroup/bot/memory.events": "oom 9\noom_kill 2\n",
                "proc/vmstat": "oom_kill 4\n",
            },
            2,
            id="cgroup v2",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:memory:/bot\n0::/\n",
                "sys/fs/cgroup/memory/bot/memory.oom_control": "under_oom 0\noom_kill 3\n",
            },
            3,
            id="cgroup v1",
        ),
        pytest.param({"proc/self/cgroup": "0::/../../etc\n"}, None, id="a path that climbs"),
    ],
)
def test_kills_for_memory_are_counted(
    files: dict[str, str], count: int | None, tmp_path: Path
) -> None:
    """The narrowest counter that there is."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert read_count(tmp_path) == count


class Listener:
    """A unix socket that answers every connection with *answer*, or never."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            self._open.append(connection)
            if connection.recv(65_536) == b"end":
                return
            if self._answer is not None:
                with contextlib.suppress(OSError):  # who asked may have heard enough
                    connection.sendall(self._answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):  # else what is unread resets the answer
                        pass

    def close(self, path: Path) -> None:
        """End the thread and close what is open."""
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))
            last.sendall(b"end")
            self._thread.join()
        for connection in (*self._open, self._socket):
            connection.close()


def http(body: str, *, status: str = "200 OK") -> bytes:
    """Answer a whole response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


FAULT = """<?xml version='1.0'?><methodResponse><fault><value><struct><member><name>faultCode</name>
<value><int>10</int></value></member><member><name>faultString</name><value><string>BAD_NAME</string>
</value></member></struct></value></fault></methodResponse>"""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(None, "timeout", id="frozen"),
        pytest.param(b"", "unreachable", id="closes at once"),
        pytest.param(b"SSH-2.0-nobody\r\n", "not_xml_rpc", id="not HTTP"),
        pytest.param(http("<html>"), "not_xml_rpc", id="not XML-RPC"),
        pytest.param(http("", status="500 Error"), "http 500", id="an error page"),
        pytest.param(http("x" * 400_000), "answer_too_long", id="a flood"),
    ],
)
def test_a_call_that_is_not_answered_ends(
    answer: bytes | None, reason: str, tmp_path: Path
) -> None:
    """In time, and with its reason."""
    path = tmp_path / "s"
    listener = Listener(path, answer)
    rpc = SupervisordRpc(path, timeout_s=0.1)
    began_s = time.monotonic()
    try:
        with pytest.raises(SupervisordSilentError) as caught:
            rpc.call("getPID")
    finally:
        listener.close(path)

    assert caught.value.reason in (reason, "unreachable" if reason == "not_xml_rpc" else reason)
    assert time.monotonic() - began_s < 3.0
    assert rpc.waited_s > 0


def test_a_fault_is_named(tmp_path: Path) -> None:
    """By supervisord's own table."""
    path = tmp_path / "s"
    listener = Listener(path, http(FAULT))
    try:
        with pytest.raises(SupervisordFaultError) as caught:
            SupervisordRpc(path, timeout_s=1.0).call("getProcessInfo", "bot")
    finally:
        listener.close(path)

    assert caught.value.reason == "no_such_program"


def test_a_call_under_way_is_ended_by_a_stop(tmp_path: Path) -> None:
    """SIGTERM does not wait for a frozen supervisord."""
    path = tmp_path / "s"
    listener = Listener(path, None)
    rpc = SupervisordRpc(path, timeout_s=20.0)
    timer = threading.Timer(0.1, rpc.abort)
    timer.start()
    began_s = time.monotonic()
    try:
        with pytest.raises(SupervisordSilentError):
            rpc.call("getPID")
    finally:
        timer.join()
        listener.close(path)

    assert time.monotonic() - began_s < 10.0
    with pytest.raises(SupervisordSilentError, match="aborted"):
        rpc.call("getPID")
