"""The bot dies, hangs or freezes: it is found in seconds, replaced once, and the reason known."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.system.conftest import Make
from tests.system.installation import Installation, until

BOTS = Path(__file__).parent / "bots"
# What a replacement may take on a machine that is busy; bench/recovery.py has the real times.
REPLACED_WITHIN_S = 12.0
T = 2.0  # HUNG_AFTER_S and FROZEN_AFTER_S of the tests


@pytest.fixture
def faulty(make_installation: Make) -> Installation:
    """A serving installation whose bot has a command for each fault."""
    installation = make_installation(PLUGINS="bot.plugins.general,faulty")
    shutil.copy(BOTS / "faulty.py", installation.folder)
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    return installation


def answers_again(installation: Installation) -> None:
    """Ask until the bot answers."""

    def asked() -> bool:
        try:
            return installation.say("!ping again", within_s=0.3) == "pong again"
        except TimeoutError:
            return False

    until(asked, "the bot answers again", within_s=REPLACED_WITHIN_S)


def recovered(installation: Installation) -> dict[str, object]:
    """Answer the incident, once the watchdog has closed it."""

    def closed() -> list[dict[str, object]]:
        records = installation.records("incidents.jsonl")
        return [record for record in records if record["outcome"] == "recovered"]

    return until(closed, "the incident is closed")[0]


def test_a_killed_bot_is_replaced_once(faulty: Installation) -> None:
    """FAULTS 1: SIGKILL has one restart, one incident that names it, and one recovery."""
    pid = faulty.bot_pid()

    faulty.kill(pid, signal.SIGKILL)
    answers_again(faulty)
    incident = recovered(faulty)
    health = faulty.healthz()[1]

    assert incident["cause"] == "SIGKILL"
    assert [record["outcome"] for record in faulty.records("incidents.jsonl")] == [
        "open",
        "recovered",
    ]
    assert health["restarts"]["in_window"] == 1
    assert health["bot_pid"] not in (None, pid)


def test_a_crashed_interpreter_is_named(faulty: Installation) -> None:
    """FAULTS 2: a segmentation fault is replaced, and its signal is the cause."""
    faulty.simulator.say("!segv")
    answers_again(faulty)

    assert recovered(faulty)["cause"] == "SIGSEGV"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        pytest.param("sleep", "time.sleep(600)", id="4 a call that waits"),
        pytest.param("spin", "while True:", id="5 work that never ends", marks=pytest.mark.slow),
        pytest.param("regex", "regex", id="6 the GIL held in C", marks=pytest.mark.slow),
    ],
)
def test_a_hung_bot_is_replaced_and_its_line_named(
    faulty: Installation, command: str, line: str
) -> None:
    """FAULTS 4 to 6: found after T, with the stack that names the line, and replaced."""
    pid = faulty.bot_pid()

    faulty.simulator.say(f"!{command}")
    until(lambda: not _exists(faulty, pid), "it is killed", within_s=REPLACED_WITHIN_S)
    answers_again(faulty)
    incident = recovered(faulty)

    assert incident["kind"] in ("hung", "frozen")
    assert line in str(incident["stack"])


def test_a_frozen_bot_is_replaced(faulty: Installation) -> None:
    """FAULTS 10: a stopped process is recognised by its state, killed and replaced."""
    pid = faulty.bot_pid()

    faulty.kill(pid, signal.SIGSTOP)
    until(lambda: not _exists(faulty, pid), "it is killed", within_s=REPLACED_WITHIN_S)
    answers_again(faulty)

    assert recovered(faulty)["kind"] == "frozen"


def test_half_a_hang_restarts_nothing(faulty: Installation) -> None:
    """FAULTS 7: a loop blocked for T / 2 is warned of with its stack, and left alone."""
    pid = faulty.bot_pid()
    message = faulty.simulator.say(f"!nap {T / 2}", wait_s=10)

    assert message["reply"]["content"] == "woke up"
    assert faulty.bot_pid() == pid
    assert faulty.records("incidents.jsonl") == []
    warned = [record for record in faulty.records("bot.jsonl") if "time.sleep" in str(record)]
    assert [record["level"] for record in warned] == ["warning"]


def test_a_task_that_dies_is_logged_once_and_counted(faulty: Installation) -> None:
    """FAULTS 13: a forgotten task's failure is neither lost nor repeated."""
    faulty.say("!spawn")
    until(lambda: (beat := faulty.beat()) and beat.tasks.failed >= 1, "it is counted")
    beat = faulty.beat()
    logged = [r for r in faulty.records("bot.jsonl") if "nobody awaits this" in str(r)]

    assert beat is not None
    assert beat.tasks.by_name["forgotten"].failed == 1
    assert len(logged) == 1
    assert "in _fail" in logged[0]["exception"]


@pytest.mark.parametrize("moment", ["imports", "login"])
def test_sigterm_during_a_start_ends_it_and_is_no_failure(
    installation: Installation, moment: str
) -> None:
    """FAULTS 17: a start that is stopped ends in 2 s, and costs nothing of the budget."""
    installation.start_simulator()
    installation.simulator.fault("slow_rest", delay_s=30, path="*/users/@me")
    installation.start_supervisord()
    pid = until(lambda: installation.program_pid("bot"), "the bot starts") or 0
    if moment == "login":
        until(lambda: (beat := installation.beat()) and beat.pid == pid, "it beats")
    installation.simulator.clear_faults()
    began_s = time.monotonic()

    os.kill(pid, signal.SIGTERM)
    until(lambda: not _exists(installation, pid), "it ends")
    took_s = time.monotonic() - began_s
    installation.wait_ready(not_pid=pid)

    assert took_s < 2
    assert installation.healthz()[1]["restarts"]["in_window"] == 0


def test_sigterm_ends_a_serving_bot_within_a_second(faulty: Installation) -> None:
    """A stop by supervisorctl: intake ends, the session stays, nothing is called a failure."""
    pid = faulty.bot_pid()
    began_s = time.monotonic()

    os.kill(pid, signal.SIGTERM)
    until(lambda: not _exists(faulty, pid), "it ends")

    assert time.monotonic() - began_s < 1
    faulty.wait_ready(not_pid=pid)
    assert faulty.healthz()[1]["restarts"]["in_window"] == 0


def test_a_handler_at_work_ends_before_the_bot_does(faulty: Installation) -> None:
    """A stop lets a command that is at work answer."""
    pid = faulty.bot_pid()
    faulty.simulator.say("!slow 1")
    time.sleep(0.3)  # it has begun

    os.kill(pid, signal.SIGTERM)

    assert faulty.simulator.wait_for_message(timeout_s=5)["content"] == "done"


def _exists(installation: Installation, pid: int) -> bool:
    return pid in {process.pid for process in installation.processes()}
