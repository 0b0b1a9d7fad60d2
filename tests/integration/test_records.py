"""Log records as JSON Lines: nothing secret, nothing lost, nobody held."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import stat
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from watchdog.heartbeat import records
from watchdog.heartbeat.recordfile import RecordFileHandler, RecordQueueHandler
from watchdog.heartbeat.records import recording, render
from watchdog.heartbeat.redaction import SECRETS, Secrets

log = structlog.get_logger("novera.test")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "bot.jsonl"


@pytest.fixture(autouse=True)
def no_secrets_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Secrets of one test are not those of the next, nor is structlog's configuration."""
    monkeypatch.setattr(SECRETS, "_secrets", ())
    yield
    structlog.reset_defaults()


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_a_record_is_one_line_with_time_level_event_and_logger(path: Path) -> None:
    """Of structlog and of the standard library alike."""
    with recording(path):
        log.warning("restart.scheduled", incident=4, delay_s=3.6)
        logging.getLogger("discord.gateway").warning("Shard ID %s heartbeat blocked", 7)

    ours, theirs = written(path)
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "level": "warning",
        "event": "restart.scheduled",
        "logger": "novera.test",
        "incident": 4,
        "delay_s": 3.6,
    }
    assert theirs["event"] == "Shard ID 7 heartbeat blocked"
    assert theirs["logger"] == "discord.gateway"


def test_an_exception_comes_with_its_traceback(path: Path) -> None:
    """In one field of the one line."""
    with recording(path):
        try:
            raise LookupError("why")
        except LookupError:
            log.exception("step.failed")
            logging.getLogger("other").exception("as well")

    ours, theirs = written(path)
    assert "LookupError: why" in ours["exception"]
    assert "LookupError: why" in theirs["exception"]


def test_the_level_is_kept_and_discord_never_tells_what_people_wrote(path: Path) -> None:
    """discord.py's DEBUG records hold message content."""
    with recording(path, level="DEBUG"):
        log.debug("step.taken")
        logging.getLogger("discord.gateway").debug("content of a message")
        logging.getLogger("discord.http").info("status")

    assert [line["event"] for line in written(path)] == ["step.taken", "status"]


def test_below_the_level_nothing_is_written(path: Path) -> None:
    """INFO is the usual one."""
    with recording(path, level="WARNING"):
        log.info("step.taken")
        log.warning("step.failed")

    assert [line["event"] for line in written(path)] == ["step.failed"]


def test_warnings_of_the_interpreter_are_records(path: Path) -> None:
    """They would go to stderr, where nobody looks."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with recording(path):
            warnings.warn("old", UserWarning, stacklevel=1)

    (line,) = written(path)
    assert line["logger"] == "py.warnings"


def test_afterwards_logging_is_as_it_was(path: Path) -> None:
    """No handler, no level, no capture is left."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), warnings.showwarning)

    with recording(path, level="DEBUG"):
        pass

    assert (root.level, list(root.handlers), warnings.showwarning) == before


TOKEN = "MTIz.abcdef.a-secret-token"
AWKWARD = 'pass"word\\with\nü'


@pytest.mark.parametrize("secret", [TOKEN, AWKWARD], ids=["a token", "an awkward password"])
def test_a_secret_is_never_written(path: Path, secret: str) -> None:
    """Wherever it hides: event, field, nested field, key, traceback, arguments, long text."""
    SECRETS.add(secret)
    with recording(path):
        log.info(f"event {secret}", field=secret, nested={"a": [secret]}, **{f"k {secret}": 1})
        logging.getLogger("http").info("GET %s", f"https://x/{secret}")
        log.info("text.cut", text=secret + "x" * (8 * 1024 - 12))
        try:
            raise ValueError(secret)
        except ValueError:
            log.exception("step.failed")

    text = path.read_text()
    assert secret not in text
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in text
    assert secret[-10:] not in text
    assert text.count("[redacted]") >= 6


def test_the_file_is_its_owners_alone(path: Path) -> None:
    """So is its folder, whatever the umask."""
    before = os.umask(0)
    try:
        with recording(path):
            log.info("step.done")
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_short_word_is_no_secret() -> None:
    """An empty token would turn every line into noise."""
    secrets = Secrets()
    secrets.add("")
    secrets.add("abc")

    assert secrets.redact("abcdef") == "abcdef"


class Hostile:
    """Nobody should log this."""

    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def circle() -> dict[str, Any]:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    return endless


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("half a pair \ud800", id="a lone surrogate"),
        pytest.param(2**70, id="an integer of 70 bits"),
        pytest.param(float("nan"), id="nan"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param({1: {2, 3}}, id="a set"),
        pytest.param(Hostile(), id="an object that can't be text"),
        pytest.param([Hostile()], id="such an object in a list"),
        pytest.param(circle(), id="an object within itself"),
        pytest.param("x" * 1_000_000, id="a megabyte"),
        pytest.param(["x" * 1000] * 1000, id="a megabyte in a list"),
        pytest.param("line\nbreak\u2028and more", id="line breaks"),
    ],
)
def test_whatever_is_logged_becomes_one_bounded_line(path: Path, value: object) -> None:
    """A log call never fails because of what it logs."""
    with recording(path) as handler:
        log.info("value.seen", value=value, other="kept")

    (line,) = written(path)
    assert line["event"] == "value.seen"
    assert line["other"] == "kept"
    assert path.stat().st_size < 80 * 1024
    assert handler.losses() == 0


def test_a_record_with_wrong_arguments_is_counted_and_not_printed(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The standard library prints a traceback to stderr, a pipe that may be full."""
    with recording(path) as handler:
        handler.handle(logging.makeLogRecord({"msg": "%d and %d", "args": (1,)}))
        log.info("step.taken")

    assert handler.unreadable == 1
    assert capfd.readouterr().err == ""
    assert [line["event"] for line in written(path)] == ["step.taken", "records.lost"]


def test_rotation_is_bounded(path: Path) -> None:
    """However much is written, so many files of so many bytes are kept."""
    handler = RecordFileHandler(path, losses=lambda: 0, max_bytes=10_000, backups=2)
    for number in range(2000):
        handler.emit(logging.makeLogRecord({"msg": f'{{"number": {number}, "x": "{"x" * 50}"}}'}))
    handler.close()

    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["bot.jsonl", "bot.jsonl.1", "bot.jsonl.2"]
    assert all(file.stat().st_size <= 10_000 for file in files)
    assert written(path)[-1]["number"] == 1999


def test_a_folder_that_is_missing_is_made(path: Path) -> None:
    """Also when it goes away in between."""
    with recording(path) as handler:
        log.info("step.one")
        wait_for(path, 1)
        path.unlink()
        path.parent.rmdir()
        log.info("step.two")

    assert [line["event"] for line in written(path)] == ["step.two"]
    assert handler.losses() == 0


def wait_for(path: Path, count: int) -> None:
    """Wait until so many lines are on disk; how long it takes proves nothing."""
    deadline_s = time.monotonic() + 20.0
    while not path.exists() or path.read_text().count("\n") < count:
        assert time.monotonic() < deadline_s, "the lines never came"
        time.sleep(0.01)


def test_a_file_that_somebody_removed_is_written_anew(path: Path) -> None:
    """No line goes into a file that has no name any more."""
    with recording(path):
        log.info("step.one")
        wait_for(path, 1)
        path.unlink()
        log.info("step.two")

    assert [line["event"] for line in written(path)] == ["step.two"]


def test_a_file_that_somebody_replaced_is_followed(path: Path) -> None:
    """`logrotate` renames it and makes a new one."""
    with recording(path):
        log.info("step.one")
        wait_for(path, 1)
        path.rename(path.with_suffix(".old"))
        path.touch()
        log.info("step.two")

    assert [line["event"] for line in written(path)] == ["step.two"]
    assert [line["event"] for line in written(path.with_suffix(".old"))] == ["step.one"]


def test_a_torn_last_line_does_not_spoil_the_next_one(path: Path) -> None:
    """An earlier process was killed within a line."""
    path.parent.mkdir()
    path.write_text('{"event": "whole"}\n{"event": "to')
    with recording(path):
        log.info("step.taken")

    lines = path.read_text().splitlines()
    assert lines[1] == '{"event": "to'
    assert json.loads(lines[2])["event"] == "step.taken"


def test_everything_is_on_disk_at_an_orderly_end(path: Path) -> None:
    """From many threads at once, in the order of each."""
    threads, each = 4, 500

    def talk(who: int) -> None:
        for number in range(each):
            log.info("step.taken", who=who, number=number)

    with recording(path) as handler:
        talkers = [threading.Thread(target=talk, args=(who,)) for who in range(threads)]
        for talker in talkers:
            talker.start()
        for talker in talkers:
            talker.join()

    lines = written(path)
    assert handler.losses() == 0
    for who in range(threads):
        assert [line["number"] for line in lines if line["who"] == who] == list(range(each))


def test_a_full_queue_is_emptied_at_the_end(path: Path) -> None:
    """There is no room for the sign to stop, yet what waits is written."""
    with recording(path, queue_lines=50) as handler:
        for number in range(2000):
            log.info("step.taken", number=number)

    lines = [line for line in written(path) if line["event"] == "step.taken"]
    assert len(lines) + handler.dropped == 2000


def test_a_disk_that_is_full_is_survived_and_told(path: Path) -> None:
    """`/dev/full` takes nothing; once there is room the log says what is missing."""
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    with recording(path) as handler:
        for number in range(5):
            log.info("step.lost", number=number)
        until_empty(handler)
        path.unlink()
        log.info("step.kept")

    lines = written(path)
    assert [line["event"] for line in lines] == ["step.kept", "records.lost"]
    assert lines[1]["lost"] == 5


def until_empty(handler: RecordQueueHandler) -> None:
    """Wait until the writer has taken every line, and is done with the last."""
    deadline_s = time.monotonic() + 20.0
    waiting = handler.queue
    assert isinstance(waiting, queue.Queue)
    while waiting.unfinished_tasks:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where nobody may")
def test_a_place_without_permission_is_survived(path: Path) -> None:
    """The lines are lost, nothing else is."""
    path.parent.mkdir(mode=0o500)
    with recording(path):
        log.info("step.lost")


def test_a_file_in_the_place_of_the_folder_is_survived(path: Path) -> None:
    """Nothing can be written, nothing is raised."""
    path.parent.write_text("in the way")
    with recording(path) as handler:
        log.info("step.lost")
        until_empty(handler)

    assert path.parent.read_text() == "in the way"


def test_a_writer_that_hangs_holds_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers go on, memory is bounded, and even the end has an end."""
    release = threading.Event()

    def stuck(self: RecordFileHandler, record: logging.LogRecord) -> None:
        release.wait(60.0)

    monkeypatch.setattr(RecordFileHandler, "emit", stuck)
    monkeypatch.setattr(records, "END_TIMEOUT_S", 0.2)
    slowest_s = 0.0
    with recording(path, queue_lines=100) as handler:
        for number in range(1000):
            began_s = time.perf_counter()
            log.info("step.taken", number=number)
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
        dropped = handler.dropped
    release.set()
    until_empty(handler)  # what is still to be written must find `stuck` there

    assert dropped >= 899
    assert slowest_s < 5.0


@pytest.mark.parametrize("has_reader", [False, True])
def test_a_pipe_that_nobody_reads_holds_nobody(path: Path, has_reader: bool) -> None:
    """Its writer hangs, opening it or once it is full; the process ends, and with its own code."""
    path.parent.mkdir()
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR) if has_reader else None
    program = (
        "import sys, structlog\n"
        "from pathlib import Path\n"
        "from watchdog.heartbeat import records\n"
        "records.END_TIMEOUT_S = 0.1\n"
        "with records.recording(Path(sys.argv[1])):\n"
        "    log = structlog.get_logger()\n"
        "    for number in range(5000):\n"
        "        log.info('step.taken', text='x' * 100)\n"
        "sys.exit(26)\n"
    )
    try:
        child = subprocess.run(
            [sys.executable, "-c", program, path],
            cwd=ROOT,
            capture_output=True,
            timeout=50,
            check=False,
        )
    finally:
        if reader is not None:
            os.close(reader)

    assert child.stderr == b"log writer does not end, lines may be lost\n"
    assert child.returncode == 26


def test_rendering_needs_no_timestamp() -> None:
    """The four leading fields are always there, in their order."""
    line = json.loads(render(None, "", {"event": "e"}))

    assert list(line) == ["timestamp", "level", "event", "logger"]


def test_an_event_that_is_no_text_is_kept() -> None:
    """`logging` takes anything for a message."""
    line = json.loads(render(None, "", {"event": ["a", 1]}))

    assert line["event"] == ["a", 1]


def test_no_file_is_left_open(path: Path) -> None:
    """Descriptors after are those before."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with recording(path):
            log.info("step.taken")

    with contextlib.suppress(FileNotFoundError):
        assert len(os.listdir("/proc/self/fd")) == before
