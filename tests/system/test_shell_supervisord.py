"""`supervisord -c supervisord.conf` alone: it starts from nothing, and stops without a trace."""

from __future__ import annotations

import signal
import stat
import time

import pytest

from tests.integration.webhook_stand_in import answer, webhook
from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.installation import Installation, until

LOGGING = """
import logging
from discord.ext import commands

@commands.command()
async def chatter(context):
    for number in range(1000):
        logging.getLogger("chatter").warning("%d %s", number, "x" * 1000)
    await context.send("said it")

async def setup(bot):
    bot.add_command(chatter)
"""


def test_it_serves_with_an_empty_environment(running: Installation) -> None:
    """All programs run, the socket is private, and the bot answers."""
    socket = (running.state / "supervisor.sock").stat()

    def states() -> list[list[str]]:
        return [line.split()[:2] for line in running.supervisorctl("status").splitlines()]

    # The bot serves before the watchdog has lived for a second (startsecs).
    wanted = [["bot", "RUNNING"], ["spare", "RUNNING"], ["watchdog", "RUNNING"]]
    until(lambda: states() == wanted, "all three run")
    assert stat.S_IMODE(socket.st_mode) == 0o700
    assert running.say("!ping hello") == "pong hello"


@pytest.mark.slow
def test_a_second_one_in_the_same_folder_ends_and_the_first_serves_on(
    running: Installation,
) -> None:
    """It must not take the socket away from the first."""
    bot_pid = running.bot_pid()

    code, told = running.run(*running.python("supervisor.supervisord", "-c", "supervisord.conf"))

    assert code != 0
    assert "already listening" in told
    assert running.program_pid("bot") == bot_pid


@fault(
    74,
    "supervisord SIGSTOP",
    answer="calls to it time out, one alert; the bot serves on, and what it logs blocks nothing",
)
@pytest.mark.slow
def test_fault_74_supervisord_stopped(make_installation: Make) -> None:
    """A frozen supervisord keeps nobody from judging, serving and logging."""
    with webhook(answer(204)) as hook:
        installation = make_installation(
            ALERT_WEBHOOK_URL=hook.url,
            SUPERVISOR_TIMEOUT_S=0.5,
            PLUGINS="bot.plugins.general,chattering",
        )
        (installation.folder / "chattering.py").write_text(LOGGING)
        installation.start_simulator()
        supervisord = installation.start_supervisord().pid
        installation.wait_ready()
        installation.kill(supervisord, signal.SIGSTOP)
        try:
            until(lambda: hook.bodies, "the watchdog tells", within_s=20)
            # Far more than the 64 KiB that a pipe to supervisord would take.
            assert installation.say("!chatter") == "said it"
            assert installation.say("!ping hello") == "pong hello"
            status, health = installation.healthz()
        finally:
            installation.kill(supervisord, signal.SIGCONT)
        until(lambda: not installation.healthz()[1]["warnings"], "it answers again")

    logged = [record for record in installation.records("bot.jsonl") if "x" * 1000 in str(record)]
    assert len(logged) == 1000
    assert hook.titles == [["Warning: supervisord"]]
    assert (status, health["warnings"]) == (200, ["supervisord_timeout"])
    assert installation.records("incidents.jsonl") == []


@pytest.mark.slow
def test_a_program_that_does_not_react_is_stopped_within_ten_seconds(
    make_installation: Make,
) -> None:
    """A process that can't handle SIGTERM is killed."""
    installation = make_installation(FROZEN_AFTER_S=60, HUNG_AFTER_S=60)
    installation.start_simulator()
    installation.start_supervisord()
    bot_pid = installation.wait_ready().pid
    installation.kill(bot_pid, signal.SIGSTOP)
    began_s = time.monotonic()

    installation.supervisorctl("stop", "bot")

    assert bot_pid not in {process.pid for process in installation.processes()}
    assert time.monotonic() - began_s < 11  # supervisorctl itself needs some of it


def test_stopping_leaves_no_process_and_no_socket(running: Installation) -> None:
    """SIGTERM ends everything but the simulator, which is not supervisord's."""
    supervisord = running.started[-1]

    code = running.stop(supervisord, within_s=10)

    assert code == 0
    assert [line for line in running.commands() if "simulator" not in line] == []
    assert not (running.state / "supervisor.sock").exists()
    assert not (running.state / "supervisord.pid").exists()


def test_stopped_by_an_operator_it_stays_down(running: Installation) -> None:
    """The watchdog says so, and `supervisorctl start bot` is all it takes."""
    bot_pid = running.bot_pid()
    running.supervisorctl("stop", "bot")
    until(lambda: running.verdict() == "stopped", "the verdict is stopped")

    running.supervisorctl("start", "bot")

    assert running.wait_ready(not_pid=bot_pid).pid != bot_pid
    assert running.say("!ping again") == "pong again"


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(180)
def test_ten_rounds_leave_nothing_and_grow_nothing(installation: Installation) -> None:
    """Every round is like the first: same descriptors, no process, no stale socket."""
    installation.start_simulator("--identify-interval-s", "0")
    installation.write_env(IDENTIFY_MAX_10_MIN=100)
    open_files = []
    for _ in range(10):
        supervisord = installation.start_supervisord()
        beat = installation.wait_ready()
        open_files.append(beat.process.open_files)
        installation.stop(supervisord, within_s=10)
        assert [line for line in installation.commands() if "simulator" not in line] == []
        assert not (installation.state / "supervisor.sock").exists()

    assert max(open_files[1:]) <= open_files[0] + 2
