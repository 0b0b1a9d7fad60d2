"""Restarts are counted: a bot that can't be helped is held, an operator's wish is kept."""

from __future__ import annotations

import time

import pytest

from tests.system.conftest import Make
from tests.system.installation import Installation, until
from tests.system.roles import leader, wait_spare

CRASHING = """
from pathlib import Path
if not Path("cured").exists():
    raise SystemExit(3)

async def setup(bot):
    pass
"""


def test_a_bot_that_crashes_at_every_start_is_held(make_installation: Make) -> None:
    """FAULTS 60 and 66: five tries, then held with one alert; `start` begins a new budget."""
    installation = make_installation(
        RESTART_BASE_S=0.1, RESTART_CAP_S=0.5, BOT_FACTORY="crashing:bot"
    )
    (installation.folder / "crashing.py").write_text(
        CRASHING + "\nfrom bot.client import build\nfrom bot.settings import BotSettings\n"
        "def bot():\n    return build(BotSettings.load())\n"
    )
    installation.start_simulator()
    installation.start_supervisord()
    until(lambda: installation.verdict() == "held", "it is held", within_s=25)
    status, health = installation.healthz()

    assert status == 503
    assert health["restarts"]["in_window"] == 5
    assert "supervisorctl start bot" in health["advice"]
    assert installation.program_pid("bot") is None
    assert installation.simulator.stats()["gateway"]["identify"] <= 10

    (installation.folder / "cured").touch()
    installation.supervisorctl("start", "bot")

    installation.wait_ready()
    assert installation.say("!ping hello") == "pong hello"
    assert installation.healthz()[1]["restarts"]["in_window"] == 0


@pytest.mark.slow
def test_a_bot_that_dies_after_every_login_costs_few_identifies(make_installation: Make) -> None:
    """FAULTS 60: a bot that dies once it is ready resumes its session, and is held all the same."""
    installation = make_installation(
        RESTART_BASE_S=0.1, RESTART_CAP_S=0.5, PLUGINS="bot.plugins.general,dying"
    )
    (installation.folder / "dying.py").write_text(
        "import os\nasync def setup(bot):\n"
        "    bot.add_listener(die, 'on_ready')\n"
        "async def die():\n    os._exit(9)\n"
    )
    installation.start_simulator()
    installation.start_supervisord()

    until(lambda: installation.verdict() == "held", "it is held", within_s=28)

    assert 1 <= installation.simulator.stats()["gateway"]["identify"] <= 10
    assert installation.healthz()[1]["restarts"]["in_window"] == 5


def test_a_bot_that_an_operator_stopped_stays_down(running: Installation) -> None:
    """FAULTS 64: `supervisorctl stop bot` is a wish, not a failure."""
    running.supervisorctl("stop", "bot")
    until(lambda: running.verdict() == "stopped", "it is called stopped")
    time.sleep(2)  # in which nobody may start it

    assert running.program_pid("bot") is None
    assert running.records("incidents.jsonl") == []


def test_a_bot_restarted_by_the_operator_is_one_process(running: Installation) -> None:
    """FAULTS 65: `supervisorctl restart bot` leaves one new process, and the spare."""
    pid = running.bot_pid()

    running.supervisorctl("restart", "bot")
    running.wait_ready(not_pid=pid)

    bots = [line for line in running.commands() if line.endswith("-m bot")]
    assert len(bots) == 2
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
    time.sleep(1)  # in which nobody may start it, nor take over

    assert leader(running) is None
    assert running.verdict() == "stopped"
    assert running.records("incidents.jsonl") == []

    running.supervisorctl("restart", "bot")

    running.wait_ready()
    assert running.say("!ping hello") == "pong hello"
