"""`supervisord -c supervisord.conf` alone: it starts from nothing, and stops without a trace."""

from __future__ import annotations

import signal
import stat
import time

import pytest

from tests.system.conftest import Make
from tests.system.installation import Installation, until

CHILD_PLUGIN = '''
"""A plugin that starts a process and forgets it."""

import subprocess

async def setup(bot):
    subprocess.Popen(["sleep", "300"])
'''


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


def test_stopping_ends_what_a_plugin_started(make_installation: Make) -> None:
    """The whole process group ends, not the bot alone."""
    installation = make_installation(PLUGINS="bot.plugins.general,child_plugin")
    (installation.folder / "child_plugin.py").write_text(CHILD_PLUGIN)
    installation.start_simulator()
    supervisord = installation.start_supervisord()
    installation.wait_ready()
    assert any("sleep 300" in line for line in installation.commands())

    installation.stop(supervisord, within_s=10)

    assert not any("sleep 300" in line for line in installation.commands())


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
