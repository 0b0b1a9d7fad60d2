"""Restarts are counted: a bot that can't be helped is held, an operator's wish is kept."""

from __future__ import annotations

import contextlib
import signal
import time
from functools import partial
from typing import Any

import pytest

from tests.integration.webhook_stand_in import answer, webhook
from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.installation import SETTINGS, Installation, until
from tests.system.roles import leader, spare, wait_spare
from watchdog.errors import SupervisordFaultError
from watchdog.supervisord.rpc import SupervisordRpc

QUICK = {"RESTART_BASE_S": 0.1, "RESTART_CAP_S": 0.5}
T = float(str(SETTINGS["HUNG_AFTER_S"]))
MODULES = {
    "crashing": """
from pathlib import Path
from bot.client import build
from bot.settings import BotSettings

if not Path("cured").exists():
    raise SystemExit(3)

def bot():
    return build(BotSettings.load())
""",
    "dying": """
import os

async def die():
    os._exit(9)

async def setup(bot):
    bot.add_listener(die, "on_ready")
""",
}


def start_until_held(installation: Installation) -> dict[str, Any]:
    """Start a bot that ends whenever it starts; answers /healthz once it is held."""
    for name, source in MODULES.items():
        (installation.folder / f"{name}.py").write_text(source)
    installation.start_simulator()
    installation.start_supervisord()
    until(lambda: installation.verdict() == "held", "it is held", within_s=60)  # 6 s if idle
    status, health = installation.healthz()
    assert status == 503
    return health


@fault(
    60,
    "crash at every start",
    answer="five restarts with a growing delay, then `held`: one incident, one alert that opens"
    " it, one that gives up; no orphans, at most 10 logins",
)
@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        pytest.param({"BOT_FACTORY": "crashing:bot"}, "exit 3", id="before it logs in"),
        pytest.param(
            {"PLUGINS": "bot.plugins.general,dying"},
            "exit 9",
            id="once it is ready",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_fault_60_crash_at_every_start(
    make_installation: Make, settings: dict[str, str], cause: str
) -> None:
    """A bot that can't live is tried as often as the policy says, and not once more."""
    with webhook(answer(204)) as hook:
        installation = make_installation(**QUICK, **settings, ALERT_WEBHOOK_URL=hook.url)
        health = start_until_held(installation)
        until(lambda: len(hook.all_titles) >= 2, "both alerts arrive")
        installation.wait_polls(3)
    actions = installation.healthz()[1]["incident"]["actions"]
    restarts = [action for action in actions if action.startswith("restart")]

    assert health["restarts"]["in_window"] == 5
    assert "supervisorctl start bot" in health["advice"]
    assert restarts == ["restart at once", *sorted(restarts[1:])]  # in 0.1 s, 0.2 s, 0.4 s …
    assert len(restarts) == 5
    assert hook.all_titles == [
        f"Incident 1: crash ({cause})",
        "Incident 1: given up after 5 restarts",
    ]
    assert [record["outcome"] for record in installation.records("incidents.jsonl")] == ["open"]
    assert installation.bots() == []
    assert installation.identifies() <= 10


@fault(
    64,
    "`supervisorctl stop bot`",
    answer="stays down, whoever leads; the verdict is `stopped`, no incident, no alert",
)
def test_fault_64_an_operators_stop(make_installation: Make) -> None:
    """A stop is a wish, not a failure."""
    with webhook(answer(204)) as hook:
        running = make_installation(ALERT_WEBHOOK_URL=hook.url)
        running.start_simulator()
        running.start_supervisord()
        running.wait_ready()

        running.supervisorctl("stop", "bot")
        until(lambda: running.verdict() == "stopped", "it is called stopped")
        running.wait_polls(4)

    assert running.program_pid("bot") is None
    assert leader(running) is None
    assert running.verdict() == "stopped"
    assert running.records("incidents.jsonl") == []
    assert hook.bodies == []


def restart_by_operator(installation: Installation) -> None:
    """Do what `supervisorctl restart bot` does, without the start of an interpreter before it."""
    rpc = SupervisordRpc(installation.state / "supervisor.sock", timeout_s=20)
    for method in ("stopProcess", "startProcess"):
        with contextlib.suppress(SupervisordFaultError):  # it does not run, or runs again already
            rpc.call(method, "bot")


def settled_pair(installation: Installation, *, not_pid: int) -> tuple[int, int] | None:
    """Answer the pids of leader and spare, once the program `bot` is one of them.

    Stopping `bot` is stopping the service: a spare that led by then hands over once more, and what
    was seen of it before is out of date.
    """
    leading, waiting = leader(installation), spare(installation)
    if leading is None or waiting is None or not_pid in (leading.pid, waiting.pid):
        return None
    pids = leading.pid, waiting.pid
    return pids if installation.program_pid("bot") in pids else None


@fault(
    65,
    "`supervisorctl restart bot` as the watchdog is about to act",
    answer="exactly one new process, and the spare; never two that lead",
)
@pytest.mark.parametrize(
    ("number", "waits_s"),
    [
        # The watchdog sees the death, has it reaped and starts the next one within some 50 ms.
        pytest.param(signal.SIGKILL, (0.0, 0.02, 0.06), id="as it starts a dead one"),
        # Before the watchdog kills it, or right after.
        pytest.param(
            signal.SIGSTOP, (T - 0.3,), id="as it kills a frozen one", marks=pytest.mark.slow
        ),
    ],
)
def test_fault_65_an_operators_restart(
    installation: Installation, number: signal.Signals, waits_s: tuple[float, ...]
) -> None:
    """Two that start one program at the same time have started it once."""
    config = installation.folder / "supervisord.conf"  # whose patience with a stop is 9 s
    config.write_text(config.read_text().replace("stopwaitsecs=9", "stopwaitsecs=3"))
    installation.start_simulator()
    installation.start_supervisord()
    for wait_s in waits_s:
        wait_spare(installation)
        pid = until(lambda: installation.program_pid("bot"), "it runs") or 0
        installation.kill(pid, number)
        time.sleep(wait_s)

        restart_by_operator(installation)
        paired = partial(settled_pair, installation, not_pid=pid)
        serving, waiting = until(paired, "they are a pair", within_s=40) or (0, 0)

        assert installation.program_pid("bot") in (serving, waiting)
        assert len(installation.bots()) == 2
        assert installation.say("!ping hello") == "pong hello"


@fault(
    66,
    "held, then `supervisorctl start bot`",
    answer="started at once, with a new budget",
)
@pytest.mark.slow
def test_fault_66_a_start_of_what_is_held(make_installation: Make) -> None:
    """Who has mended the cause says so with one command."""
    installation = make_installation(**QUICK, MAX_RESTARTS=1, BOT_FACTORY="crashing:bot")
    start_until_held(installation)

    (installation.folder / "cured").touch()
    installation.supervisorctl("start", "bot")

    installation.wait_ready()
    assert installation.say("!ping hello") == "pong hello"
    assert installation.healthz()[1]["restarts"]["in_window"] == 0


def test_a_bot_restarted_by_the_operator_is_one_process(running: Installation) -> None:
    """`supervisorctl restart bot` leaves one new process, and the spare."""
    pid = running.bot_pid()

    running.supervisorctl("restart", "bot")
    running.wait_ready(not_pid=pid)

    assert len(running.bots()) == 2
    assert running.program_pid("bot") not in (None, pid)
    assert running.records("incidents.jsonl") == []


def test_the_shutdown_command_ends_for_good_and_the_restart_command_does_not(
    running: Installation,
) -> None:
    """Exit 26 starts at once and costs no budget; exit 0 stays down."""
    pid = running.bot_pid()
    running.simulator.say("!restart", user="owner")
    running.wait_ready(not_pid=pid)
    assert running.healthz()[1]["restarts"]["in_window"] == 0

    wait_spare(running)  # a start of `bot` takes back what was said before it
    running.simulator.say("!shutdown", user="owner")
    until(lambda: running.verdict() == "stopped", "it is stopped")
    running.wait_polls(2)  # in which nobody may start it, nor take over

    assert leader(running) is None
    assert running.verdict() == "stopped"
    assert running.records("incidents.jsonl") == []

    running.supervisorctl("restart", "bot")

    running.wait_ready()
    assert running.say("!ping hello") == "pong hello"
