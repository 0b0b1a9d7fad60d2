"""An installation whose bot breaks when it is told to, and what is asked of it afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.faults.memory import MemoryGroup
from tests.system.conftest import Make
from tests.system.installation import Installation, until
from tests.system.roles import wait_spare

PLUGINS = "bot.plugins.general,bot.plugins.admin,tests.system.bots.faulty"
# What a replacement may take on a machine that is busy; bench/recovery.py has the real times.
REPLACED_WITHIN_S = 12.0
T = 2.0  # HUNG_AFTER_S and FROZEN_AFTER_S of the tests


def serving(make: Make, group: MemoryGroup | None = None, **settings: object) -> Installation:
    """Answer an installation that serves, with a warm spare, and a command for each fault.

    Args:
        group: Whose memory supervisord and its programs share.
    """
    installation = make(PLUGINS=PLUGINS, **settings)
    installation.start_simulator()
    if group is None:
        installation.start_supervisord()
    else:
        command = installation.python("supervisor.supervisord", "-c", "supervisord.conf")
        installation.start(*group.command(*command))
    installation.wait_ready()
    if installation.settings.get("STANDBY") is not False:
        wait_spare(installation)
    return installation


def time_to_answer(installation: Installation, fault: Callable[[], object]) -> float:
    """Break the bot, and answer the seconds until it answers what was asked right after."""
    fault()
    began_s = time.monotonic()
    reply = installation.say("!ping again", within_s=REPLACED_WITHIN_S + T)
    took_s = time.monotonic() - began_s

    assert reply == "pong again"
    return took_s


def recovered(installation: Installation) -> dict[str, Any]:
    """Answer the one incident, once the watchdog has closed it."""

    def records() -> list[dict[str, Any]]:
        return installation.records("incidents.jsonl")

    closed = until(
        lambda: [record for record in records() if record["outcome"] == "recovered"],
        "the incident is closed",
        within_s=REPLACED_WITHIN_S,
    )

    assert [record["outcome"] for record in records()] == ["open", "recovered"]
    return closed[0]


def assert_replaced_once(installation: Installation, pid: int) -> None:
    """Fail unless the bot *pid* died, one restart followed, and one failure is in the ledger."""
    restarts = until(
        lambda: (found := installation.healthz()[1]["restarts"])["total"] and found,
        "it is started again",
    )

    assert installation.healthz()[1]["bot_pid"] not in (None, pid)
    assert (restarts["total"], restarts["in_window"]) == (1, 1)


def verdict(installation: Installation) -> tuple[str, str]:
    """Answer verdict and reason of now."""
    health = installation.healthz()[1]
    return str(health.get("verdict")), str(health.get("reason"))


def wait_verdict(
    installation: Installation, name: str, reason: str, *, within_s: float = 15.0
) -> dict[str, Any]:
    """Wait until the watchdog judges so; answers its document."""
    what = f"it is {name} for {reason}"
    until(lambda: verdict(installation) == (name, reason), what, within_s=within_s)
    return installation.healthz()[1]


def exists(installation: Installation, pid: int) -> bool:
    """Answer whether *pid* is a living process of the installation."""
    return pid in {process.pid for process in installation.processes()}
