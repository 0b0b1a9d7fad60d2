"""The watchdog dies or hangs: the bot serves on, and its successor knows the history."""

from __future__ import annotations

import signal
import time

import pytest

from tests.system.conftest import Make, Measured
from tests.system.fault_rows import fault
from tests.system.installation import Installation, until

TICK_LIMIT_S = 2
# Signal handlers of Python run in the main thread, which is the one that judges.
HANG = """
import sys
if "watchdog" in sys.orig_argv[-1:]:
    import re, signal, threading
    def deadlock(*_):
        lock = threading.Lock()
        while lock.acquire():
            pass
    def hold_gil(*_):
        re.match("(a|a)*$", "a" * 60 + "b")
    signal.signal(signal.SIGUSR1, deadlock)
    signal.signal(signal.SIGUSR2, hold_gil)
"""


def reported_by_another(installation: Installation, watchdog: int) -> None:
    """Wait until another watchdog has judged."""
    until(lambda: installation.watchdog_pid() != watchdog, "it is back, and judges", within_s=20)


@fault(
    70,
    "watchdog SIGKILL",
    answer="the bot is untouched, the watchdog is back, restarts of before still count",
    within_s=3.0,
)
def test_fault_70_watchdog_killed(running: Installation, measured: Measured) -> None:
    """supervisord starts the next watchdog, which finds what this one knew."""
    before = running.bot_pid()
    running.kill(before)
    bot = running.wait_ready(not_pid=before).pid
    watchdog = running.watchdog_pid()
    began_s = time.monotonic()

    running.kill(watchdog)
    reported_by_another(running, watchdog)
    took_s = time.monotonic() - began_s
    running.wait_ready()

    assert running.bot_pid() == bot
    assert running.healthz()[1]["restarts"]["in_window"] == 1
    measured(took_s)


@fault(
    71,
    "watchdog hangs: deadlock, interpreter's lock held",
    answer="it ends itself with a dump of its stacks, and comes back; the bot is untouched",
    within_s=5.0,
)
@pytest.mark.parametrize(
    ("number", "line"),
    [
        pytest.param(signal.SIGUSR1, "in deadlock", id="deadlock", marks=pytest.mark.slow),
        pytest.param(signal.SIGUSR2, "in hold_gil", id="interpreter's lock"),
    ],
)
def test_fault_71_watchdog_hangs(
    make_installation: Make, measured: Measured, number: signal.Signals, line: str
) -> None:
    """Its own guard finds a lock that is never given back."""
    installation = make_installation(TICK_LIMIT_S=TICK_LIMIT_S)
    (installation.folder / "sitecustomize.py").write_text(HANG)
    installation.start_simulator()
    installation.start_supervisord(PYTHONPATH=str(installation.folder))
    bot, watchdog = installation.wait_ready().pid, installation.watchdog_pid()
    began_s = time.monotonic()

    installation.kill(watchdog, number)
    reported_by_another(installation, watchdog)
    took_s = time.monotonic() - began_s
    installation.wait_ready()

    assert line in installation.text("watchdog.stacks.log")
    assert installation.bot_pid() == bot
    measured(took_s)


@fault(
    72,
    "watchdog dies between kill and start",
    answer="its successor finds the ended program and starts it; the end is counted once",
    within_s=5.0,
)
def test_fault_72_watchdog_dies_between_kill_and_start(
    make_installation: Make, measured: Measured
) -> None:
    """A watchdog that finds an ended bot goes on from there."""
    installation = make_installation(STANDBY="false")  # else the spare serves meanwhile
    installation.start_simulator()
    installation.start_supervisord()
    bot, watchdog = installation.wait_ready().pid, installation.watchdog_pid()
    installation.kill(watchdog, signal.SIGSTOP)
    installation.kill(bot)
    began_s = time.monotonic()

    installation.kill(watchdog)
    installation.wait_ready(not_pid=bot, within_s=20)
    took_s = time.monotonic() - began_s

    assert installation.healthz()[1]["restarts"]["in_window"] == 1
    assert {record["number"] for record in installation.records("incidents.jsonl")} == {1}
    measured(took_s)
