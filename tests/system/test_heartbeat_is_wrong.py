"""The heartbeat file is missing, old or lies: nothing is judged by it that it does not prove."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults import corrupt, lie
from tests.faults.heartbeat import CONTENTS
from tests.integration.webhook_stand_in import answer, webhook
from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.installation import Installation, until
from watchdog.heartbeat import identity, schema

POLL_S = 0.1
T_S = 2.0  # HUNG_AFTER_S and FROZEN_AFTER_S of the tests
TOO_LARGE = ("long", "deep", "huge")
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
SPOILT = [*(how for how in CONTENTS if how not in TOO_LARGE), "missing"]


def serving(make: Make, **settings: object) -> Installation:
    """Answer an installation that serves; its watchdog looks often, so that it misses nothing."""
    installation = make(POLL_INTERVAL_S=POLL_S, HEARTBEAT_INTERVAL_S=2 * POLL_S, **settings)
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    return installation


@pytest.fixture
def watched(make_installation: Make) -> Installation:
    """A serving installation whose watchdog sees every beat."""
    return serving(make_installation)


def path_of(installation: Installation) -> Path:
    """Answer where the leader's beat lies."""
    return installation.state / "heartbeat.json"


def complaint(installation: Installation) -> str:
    """Answer what the watchdog says of the heartbeat file, empty when it believes it."""
    warnings = installation.healthz()[1].get("warnings", ())
    found = [w.removeprefix("heartbeat: ") for w in warnings if w.startswith("heartbeat: ")]
    return str(found[0]) if found else ""


def refused(installation: Installation, how: str) -> str:
    """Spoil the beat, again when the bot has mended it, until the watchdog complains; and after."""
    path = path_of(installation)

    def spoilt() -> str:
        corrupt(path, how)
        return complaint(installation)

    said = until(spoilt, f"the watchdog complains of one that is {how}")
    corrupt(path, "missing")  # what lies there may be in the way of the next beat
    until(lambda: not complaint(installation), f"{how} is over")
    return said


def untroubled(installation: Installation, pid: int) -> bool:
    """Answer whether nothing came of it: no restart, no incident, no error in a tick."""
    health = until(lambda: installation.healthz()[1], "the watchdog answers")
    return (
        health["bot_pid"] == pid
        and installation.records("incidents.jsonl") == []
        and health["counters"]["tick_errors"] == 0
        and health["restarts"]["total"] == 0
    )


@fault(40, "No heartbeat at a start", answer="waited for, as long as STARTUP_TIMEOUT_S")
@pytest.mark.slow
def test_fault_40_missing_at_start(installation: Installation) -> None:
    """Without a beat a start waits, up to STARTUP_TIMEOUT_S."""
    installation.start_simulator()
    installation.write_env(STARTUP_TIMEOUT_S=5, HUNG_AFTER_S=1, FROZEN_AFTER_S=1)
    (installation.folder / "silent.py").write_text("import time\ntime.sleep(600)\n")
    installation.write_env(BOT_FACTORY="silent:bot")
    installation.start_supervisord()
    first = until(lambda: installation.program_pid("bot"), "the bot starts")
    until(lambda: installation.verdict() == "starting", "it is called starting")
    began_s = time.monotonic()

    until(lambda: installation.program_pid("bot") not in (None, first), "replaced", within_s=15)

    assert time.monotonic() - began_s > 3
    assert "never_ready" in str(installation.records("incidents.jsonl")[0])


@fault(
    41,
    "A heartbeat of an earlier boot, run or instance",
    answer="ignored: neither believed nor complained of",
)
def test_fault_41_earlier_life(installation: Installation) -> None:
    """Files of another boot, of a process that is no more, and of a pid's former owner."""
    own = identity.own()
    old = schema.Heartbeat(
        boot_id="another-boot",
        pid=own.pid,
        process_started=own.started,
        instance="another-instance",
        sequence=99,
        written_at="2020-01-01T00:00:00.000Z",
        monotonic_s=1.0,
        interval_s=1.0,
        state="failed",
        failure=schema.Failure(kind="invalid_token", message="old advice", permanent=True),
    )
    failed = {"state": "failed", "failure": {"kind": "k", "message": "m", "permanent": True}}
    for name in schema.BEAT_FILES.values():
        (installation.state / name).write_bytes(schema.encode(old))
        (installation.state / name).chmod(0o600)
    lie(installation.state / "heartbeat-spare.json", boot_id=identity.boot_id(), pid=1, **failed)
    installation.start_simulator()
    installation.start_supervisord()

    pid = installation.wait_ready().pid
    until(lambda: (beat := installation.beat()) and beat.pid == pid, "its own beat lies there")
    verdicts = set()
    for _ in range(10):  # the pid is the bot's, the start time is not
        lie(path_of(installation), process_started=1.0, instance="former-owner", **failed)
        time.sleep(0.1)
        verdicts.add(installation.verdict())

    assert verdicts <= {"healthy", "degraded"}  # the spare may still be on its way
    assert untroubled(installation, pid)


@fault(
    42,
    "A heartbeat that is empty, truncated, garbage, not UTF-8, NaN, of wrong types or schema",
    answer="a missed poll: no exception, no restart, and told while it lasts",
)
def test_fault_42_spoilt(watched: Installation) -> None:
    """The next beat mends it, and nothing is restarted."""
    pid = watched.bot_pid()

    said = {how: refused(watched, how) for how in SPOILT}

    assert untroubled(watched, pid)
    assert said["wrong_types"] == "beat.pid is not int"
    assert said["other_schema"] == said["schema_true"] == "another schema"
    assert said["keys_missing"] == "beat lacks a key"
    assert said["missing"] == "the file is gone"
    assert {said[how] for how in ("empty", "truncated", "not_utf8", "nan")} == {"not JSON"}


@pytest.mark.slow
def test_a_beat_that_stays_spoilt_is_told_before_anything_is_done(watched: Installation) -> None:
    """For longer than T nothing can be read: the verdict says so, and the bot is left alone."""
    pid, verdicts = watched.bot_pid(), [""]
    until_s = time.monotonic() + 1.5 * T_S

    while time.monotonic() < until_s:
        corrupt(path_of(watched), "garbage")
        time.sleep(0.002)  # a poll that meets a good beat between is luck, and does no harm
        if verdicts[-1] != "unknown":
            verdicts.append(watched.verdict())
    watched.wait_ready()

    assert verdicts[-1] == "unknown"
    assert untroubled(watched, pid)


@fault(
    43,
    "A heartbeat of 1 GB, or 100,000 levels deep",
    answer="refused after 64 KiB: the watchdog's memory stays as it was",
)
def test_fault_43_huge_and_deep(watched: Installation) -> None:
    """No more than a beat's greatest length is read, whatever lies there."""
    pid, watchdog = watched.bot_pid(), watched.watchdog_pid()
    before_kib = peak_kib(watchdog)

    said = {how: refused(watched, how) for how in (*TOO_LARGE, "deep_but_short")}

    assert {said[how] for how in TOO_LARGE} == {f"longer than {schema.MAX_BYTES} bytes"}
    assert said["deep_but_short"] == "not JSON"
    assert untroubled(watched, pid)
    assert watched.watchdog_pid() == watchdog
    assert peak_kib(watchdog) - before_kib < 4 * 1024


def linked(path: Path, target: Path) -> bool:
    """Make *path* a link to *target*, unless something is there."""
    try:
        path.symlink_to(target)
    except FileExistsError:
        return False
    return True


@fault(
    44,
    "A link, FIFO, socket, device or folder in the heartbeat's place",
    answer="refused without opening it for long, told, and gone with the next beat",
)
def test_fault_44_no_regular_file(watched: Installation) -> None:
    """Nothing is followed, nothing blocks, and the bot puts its file there again."""
    pid, path = watched.bot_pid(), path_of(watched)
    precious = watched.folder / "precious"
    precious.write_text("untouched")
    next_beat = path.with_name(f".{path.name}.{pid}")  # it may be written in this moment
    until(lambda: linked(next_beat, precious), "the link is there")

    said = {how: refused(watched, how) for how in ("symlink", "fifo", "socket")}
    corrupt(path, "directory")
    (path / "somebody's").touch()
    until(lambda: complaint(watched) == "not a regular file", "the folder is complained of")
    until(lambda: not complaint(watched), "the bot puts the folder aside")

    assert said == {
        "symlink": "a symbolic link",
        "fifo": "not a regular file",
        "socket": "a socket or a device",
    }
    assert precious.read_text() == "untouched"
    assert list(watched.state.glob("*/somebody's")) != []  # nobody's files are removed
    assert untroubled(watched, pid)
    try:
        assert refused(watched, "device") == "not a regular file"
    except PermissionError as error:
        pytest.skip(f"all but a device are refused, and that can't be made here: {error}")


@fault(
    45,
    "The heartbeat, or its folder, belongs to another user or is writable by everybody",
    answer="not believed, one alert that says what to mend; nothing is restarted",
)
@pytest.mark.parametrize(
    "how",
    [
        "folder_world_writable",
        pytest.param("folder_of_another", marks=[pytest.mark.slow, NEEDS_ROOT]),
    ],
)
def test_fault_45_exposed(make_installation: Make, how: str) -> None:
    """The verdict is unknown until the folder is mended, and the bot serves on."""
    with webhook(answer(204)) as hook:
        watched = serving(make_installation, ALERT_WEBHOOK_URL=hook.url)
        pid = watched.bot_pid()
        for each in ("world_writable", "other_owner") if how == "folder_of_another" else ():
            assert refused(watched, each).startswith("the file is")

        undo = corrupt(path_of(watched), how)
        until(lambda: watched.verdict() == "unknown", "it is not believed any more")
        reason, advice = watched.healthz()[1]["reason"], watched.healthz()[1]["advice"]
        if how == "folder_of_another":
            watched.wait_polls(round(3.5 * T_S / POLL_S))  # past every limit of a beat
        reply = watched.say("!ping hello")
        undo()
        until(lambda: watched.healthz()[0] == 200, "it is believed again")
        until(lambda: hook.all_titles, "the alert arrives")

    assert (reason, reply) == ("heartbeat_distrusted", "pong hello")
    assert "0700" in advice
    assert hook.all_titles == ["Warning: heartbeat distrusted"]
    assert untroubled(watched, pid)


@fault(
    47,
    "A heartbeat that names pid 0, -1, 1, the watchdog, supervisord or a stranger",
    answer="none of them is ever signalled",
)
def test_fault_47_foreign_pids(running: Installation) -> None:
    """The bot hangs, and its beat accuses somebody else: only the bot is killed."""
    bot, watchdog = running.bot_pid(), running.watchdog_pid()
    supervisord = running.started[-1].pid
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command) as stranger:
        running.kill(bot, signal.SIGSTOP)  # no further beat replaces ours
        for pid in (stranger.pid, supervisord, watchdog, 1, -1, 0):
            who = identity.read(pid)  # a reused pid: its start time is right as well
            lie(path_of(running), pid=pid, process_started=who.started if who else 1.0)
            time.sleep(0.2)
        running.wait_ready(not_pid=bot)

        assert stranger.poll() is None
        assert running.watchdog_pid() == watchdog
        assert running.started[-1].poll() is None
        os.kill(1, 0)
        stranger.kill()


def peak_kib(pid: int) -> int:
    """Answer the most memory that the process *pid* has held so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])
