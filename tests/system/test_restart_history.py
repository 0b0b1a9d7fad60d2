"""What was restarted is remembered: over health, over other failures, over other processes."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import pytest

from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.installation import Installation, until
from watchdog.restart import ledger
from watchdog.restart.history import History, decode, encode

pytestmark = pytest.mark.slow  # each of them waits for several deaths in a row

QUICK = {"RESTART_BASE_S": 0.05, "RESTART_CAP_S": 0.1}
WINDOW_S = 20.0  # of restarts that count
LIFE_S = 1.5  # 90 s of 600 s are 1.5 s of 10 s; the window is twice that, for a slow machine
FAILING = f'''
"""A leader that crashes some time after it is ready, or hangs once it is wanted."""

import asyncio
import os
import time
from pathlib import Path

async def fail():
    if Path("crash").exists():
        await asyncio.sleep({LIFE_S})
        os._exit(9)
    if Path("hang").exists():
        time.sleep(600)

async def setup(bot):
    bot.add_listener(fail, "on_ready")
'''


def failing(make_installation: Make, wish: str, **settings: object) -> Installation:
    """Answer an installation whose leaders do *wish* as soon as they serve; nothing is started."""
    installation = make_installation(
        **QUICK, **settings, PLUGINS="bot.plugins.general,failing", RESTART_WINDOW_S=WINDOW_S
    )
    (installation.folder / "failing.py").write_text(FAILING)
    if wish:
        (installation.folder / wish).touch()
    installation.start_simulator()
    return installation


def remember(installation: Installation, *ages_s: float) -> None:
    """Leave the ledger of a watchdog that restarted leaders *ages_s* ago."""
    now = ledger.now()
    history = History(failures=tuple(now.monotonic_s - age_s for age_s in ages_s))
    (installation.state / "restarts.json").write_bytes(encode(history, now))


def reboot(installation: Installation) -> None:
    """Make the ledger one of an earlier boot: another id, and a clock that stood elsewhere."""
    path, now = installation.state / "restarts.json", ledger.now()
    history = decode(path.read_bytes(), now)
    assert history is not None
    moved = replace(history, failures=tuple(at_s + 1e6 for at_s in history.failures))
    earlier = replace(now, boot_id="an-earlier-boot", monotonic_s=now.monotonic_s + 1e6)
    path.write_bytes(encode(moved, earlier))


def held(installation: Installation) -> dict[str, Any]:
    """Answer /healthz once nobody serves any more."""
    until(lambda: installation.verdict() == "held", "it is held", within_s=60)  # 8 s if idle
    return installation.healthz()[1]


def restarts(installation: Installation) -> int:
    """Answer how many restarts count now."""
    return int(installation.healthz()[1]["restarts"]["in_window"])


@fault(
    61,
    "crash every 90 s, healthy in between",
    answer="the same limit, by a sliding window: restarts that are older no longer count, health"
    " in between forgives nothing before its time",
)
def test_fault_61_crash_every_now_and_then(make_installation: Make) -> None:
    """Five restarts in the window are allowed, however well the bot was between them."""
    installation = failing(make_installation, "crash", FORGIVEN_AFTER_S=10)
    remember(installation, *(WINDOW_S + 1,) * 5)
    installation.start_supervisord()
    until(installation.verdict, "the watchdog judges")
    assert restarts(installation) == 0

    health = held(installation)

    assert health["restarts"]["in_window"] == 5
    assert health["restarts"]["total"] >= 5
    outcomes = [record["outcome"] for record in installation.records("incidents.jsonl")]
    assert "recovered" in outcomes  # it was well in between


@fault(
    62,
    "hang after every start",
    answer="counted in the same ledger as crashes; `held` when the sum of both is spent",
)
def test_fault_62_hang_after_every_start(make_installation: Make) -> None:
    """A hang is ended and counted like a crash."""
    installation = failing(
        make_installation, "", MAX_RESTARTS=3, HUNG_AFTER_S=1, FROZEN_AFTER_S=1, STANDBY="false"
    )
    installation.start_supervisord()
    pid = installation.wait_ready().pid
    (installation.folder / "hang").touch()

    installation.kill(pid)
    health = held(installation)

    assert health["restarts"]["in_window"] == 3
    assert health["restarts"]["total"] == 3
    causes = [action for action in health["incident"]["actions"] if "failed again" in action]
    assert health["incident"]["cause"] == "SIGKILL"
    assert causes == ["failed again: pulse_stopped"] * 3
    assert not [line for line in installation.commands() if line.endswith("-m bot")]


@fault(
    63,
    "watchdog, supervisord and the machine restarted between the failures",
    answer="history kept: by a ledger on disk, with times that hold over a reboot",
)
def test_fault_63_restarts_in_between(make_installation: Make) -> None:
    """Whoever starts anew finds the failures that there were, and goes on counting."""
    installation = make_installation(**QUICK, MAX_RESTARTS=3, STANDBY="false")
    installation.start_simulator()
    supervisord = installation.start_supervisord()
    crash(installation)
    assert restarts(installation) == 1

    watchdog = installation.watchdog_pid()
    installation.kill(watchdog, signal.SIGKILL)
    until(lambda: installation.watchdog_pid() != watchdog, "it is back")
    crash(installation)
    assert restarts(installation) == 2

    installation.stop(supervisord)
    supervisord = installation.start_supervisord()
    crash(installation)
    assert restarts(installation) == 3

    installation.stop(supervisord)
    reboot(installation)
    installation.start_supervisord()
    installation.kill(installation.wait_ready().pid)

    counted = held(installation)["restarts"]

    assert (counted["total"], counted["in_window"]) == (3, 3)


def crash(installation: Installation) -> None:
    """Kill the bot, and wait for the next one."""
    pid = installation.wait_ready().pid
    installation.kill(pid)
    installation.wait_ready(not_pid=pid)
