"""NEVER_DOWN.sh: checks, starts, keeps up, takes over, and stops without a trace."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.system.conftest import Make, Measured
from tests.system.fault_rows import fault
from tests.system.installation import Installation, until

READY_LIMIT_S = 3.0


def supervisord_pid(installation: Installation) -> int:
    """Answer the pid in supervisord's own file."""
    return int((installation.state / "supervisord.pid").read_text())


def others(installation: Installation) -> list[str]:
    """Answer the command lines of all but the simulator."""
    return [line for line in installation.commands() if "-m simulator" not in line]


def pids(installation: Installation) -> list[int]:
    """Answer the pids of all but the simulator."""
    return [int(line.partition(":")[0]) for line in others(installation)]


@pytest.fixture
def shell(installation: Installation) -> subprocess.Popen[bytes]:
    """An installation that NEVER_DOWN.sh keeps up, and that serves."""
    installation.start_simulator()
    shell = installation.never_down()
    installation.wait_ready()
    return shell


def test_without_a_token_it_says_so_and_starts_nothing(installation: Installation) -> None:
    """What to do is in the message, and 78 is for the operator to mend."""
    code, told = installation.run("./NEVER_DOWN.sh")

    assert code == 78
    assert "DISCORD_TOKEN" in told
    assert "--demo" in told
    assert not (installation.state / "supervisord.pid").exists()


@pytest.mark.slow
@pytest.mark.alone
def test_the_second_start_is_ready_within_three_seconds(installation: Installation) -> None:
    """Setting up is done once; the best of three starts is what the machine allows."""
    installation.start_simulator()
    took_s = []
    for _ in range(3):
        began_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        shell = installation.never_down()
        bot = installation.wait_ready(after_s=began_s)
        took_s.append(bot.process_started + bot.stages_s["ready"] - began_s)
        installation.stop(shell)

    assert min(took_s) < READY_LIMIT_S


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal.SIGINT, id="SIGINT", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, id="SIGHUP", marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_everything(
    installation: Installation, shell: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    """It is passed on; the shell ends last, with 0."""
    shell.send_signal(number)

    assert shell.wait(12) == 0
    assert others(installation) == []
    assert not (installation.state / "supervisor.sock").exists()


@pytest.mark.slow
def test_a_shutdown_by_supervisorctl_is_an_operators_wish(
    installation: Installation, shell: subprocess.Popen[bytes]
) -> None:
    """The shell does not start again what was asked to end."""
    installation.supervisorctl("shutdown")

    assert shell.wait(12) == 0
    assert others(installation) == []


@pytest.mark.slow
def test_a_frozen_supervisord_does_not_keep_the_shell(
    installation: Installation, shell: subprocess.Popen[bytes]
) -> None:
    """It can't end anybody any more; the shell ends it, and those it left."""
    installation.kill(supervisord_pid(installation), signal.SIGSTOP)

    shell.terminate()

    assert shell.wait(28) == 0
    assert others(installation) == []


@fault(
    75,
    "second start in the same folder",
    answer="refused, with the pid of the first, which serves on untouched",
    within_s=1.0,
)
def test_fault_75_second_start(
    installation: Installation, shell: subprocess.Popen[bytes], measured: Measured
) -> None:
    """It names the first one, and does so at once."""
    before = (installation.bot_pid(), supervisord_pid(installation))
    began_s = time.monotonic()

    code, told = installation.run("./NEVER_DOWN.sh")
    took_s = time.monotonic() - began_s

    assert (code, f"pid {shell.pid}," in told) == (1, True)
    assert (installation.bot_pid(), supervisord_pid(installation)) == before
    assert installation.say("!ping still here") == "pong still here"
    measured(took_s)


@fault(
    73,
    "supervisord SIGKILL",
    answer="bot, spare and watchdog end with it, NEVER_DOWN.sh starts all again: one of each",
    within_s=6.0,
)
def test_fault_73_supervisord_killed(
    installation: Installation, shell: subprocess.Popen[bytes], measured: Measured
) -> None:
    """Nobody outlives it, so there is exactly one of each again."""
    before = {*pids(installation)} - {shell.pid}
    bot_pid = installation.bot_pid()
    began_s = time.monotonic()

    installation.kill(supervisord_pid(installation))
    installation.wait_ready(not_pid=bot_pid)
    took_s = time.monotonic() - began_s
    running = others(installation)

    assert installation.say("!ping back") == "pong back"
    assert before.isdisjoint(pids(installation))
    for program, wanted in {"-m bot": 2, "-m watchdog": 1, "supervisord.conf": 1}.items():
        assert sum(program in line for line in running) == wanted, running
    measured(took_s)


@pytest.mark.slow
def test_a_supervisord_that_keeps_dying_is_given_up(
    installation: Installation, shell: subprocess.Popen[bytes]
) -> None:
    """The fifth death within ten minutes ends the shell, which says why."""
    killed: set[int] = set()
    for _ in range(5):
        pid = until(
            lambda: next(
                (p.pid for p in installation.processes() if _is_new(installation, p.pid, killed)),
                None,
            ),
            "a new supervisord",
        )
        assert pid
        killed.add(pid)
        installation.kill(pid)

    assert shell.wait(15) == 1
    assert "death 5 of 5 allowed in 10 minutes" in installation.text("test.log")
    assert others(installation) == []


def _is_new(installation: Installation, pid: int, killed: set[int]) -> bool:
    try:
        return pid not in killed and pid == supervisord_pid(installation)
    except (FileNotFoundError, ValueError):
        return False


def test_a_killed_shell_is_followed_by_the_next_one(
    installation: Installation, shell: subprocess.Popen[bytes]
) -> None:
    """The next one ends what the first left, and serves alone."""
    bot_pid = installation.bot_pid()
    installation.kill(shell.pid)
    shell.wait()

    installation.never_down()
    installation.wait_ready(not_pid=bot_pid)
    running = others(installation)

    ours = {"-m bot": 2, "-m watchdog": 1, "supervisord.conf": 1, "NEVER_DOWN.sh": 1}
    for program, wanted in ours.items():
        assert sum(program in line for line in running) == wanted, running


@fault(
    76,
    "stale socket, stale pid files, orphans of an earlier run",
    answer="cleaned by identity, never by name or pid alone: a stranger with a recorded pid, or"
    " with the orphan's command, lives on",
)
@pytest.mark.slow
def test_fault_76_what_a_dead_run_left(installation: Installation) -> None:
    """A stale socket, pid files that name a stranger, and a process that nobody looks after."""
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    socket_path = installation.state / "supervisor.sock"
    stranger = subprocess.Popen(sleep)
    orphan = subprocess.Popen(sleep, env={"SUPERVISOR_SERVER_URL": f"unix://{socket_path}"})
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(socket_path))
        for name in ("supervisord.pid", "never_down.pid"):
            (installation.state / name).write_text(f"{stranger.pid}\n")
        installation.start_simulator()

        installation.never_down()

        assert installation.wait_ready().state == "ready"
        assert orphan.wait(1) == -signal.SIGTERM
        assert stranger.poll() is None
    finally:
        for process in (stranger, orphan):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_supervisord_of_somebody_else_is_left_alone(running: Installation) -> None:
    """What was started by hand is stopped by hand."""
    bot_pid = running.bot_pid()

    code, told = running.run("./NEVER_DOWN.sh")

    assert (code, f"pid {supervisord_pid(running)}," in told) == (1, True)
    assert running.program_pid("bot") == bot_pid


@pytest.mark.slow
def test_on_replit_it_listens_where_replit_looks(make_installation: Make) -> None:
    """All addresses, and the port that the platform names."""
    installation = make_installation(HTTP_PORT=None)
    installation.start_simulator()
    installation.http_port = free_port()

    installation.never_down(REPL_ID="a", PORT=str(installation.http_port))
    installation.wait_ready()
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()
        if line.split()[3] == "0A"
    ]

    assert f"00000000:{installation.http_port:04X}" in listening


def test_a_refused_token_keeps_the_watchdog_up_until_it_is_mended(
    installation: Installation,
) -> None:
    """/healthz tells what is wrong, and mending `.env` is enough."""
    installation.start_simulator()
    installation.write_env(DISCORD_TOKEN="a-token-that-discord-does-not-know")
    installation.never_down()
    until(lambda: installation.verdict() == "failed", "the verdict is failed", within_s=20)
    status, health = installation.healthz()

    installation.write_env(DISCORD_TOKEN="simulator-token")

    assert (status, "token" in health["advice"].lower()) == (503, True)
    assert installation.wait_ready().state == "ready"


@pytest.mark.slow
def test_check_says_that_all_is_well(installation: Installation) -> None:
    """It asks Discord, and starts nothing."""
    installation.start_simulator()

    code, told = installation.run("./NEVER_DOWN.sh", "--check")

    assert code == 0, told
    assert others(installation) == []


def test_check_says_what_is_wrong(installation: Installation) -> None:
    """A token that Discord refuses is found before anything is started."""
    installation.start_simulator()
    installation.write_env(DISCORD_TOKEN="a-token-that-discord-does-not-know")

    code, told = installation.run("./NEVER_DOWN.sh", "--check")

    assert code == 78
    assert "token" in told.lower()


def test_an_unknown_flag_is_answered_with_the_usage(installation: Installation) -> None:
    """Nothing is started by mistake."""
    code, told = installation.run("./NEVER_DOWN.sh", "--demno")

    assert code == 64
    assert told.startswith("usage: ./NEVER_DOWN.sh")


def demo(installation: Installation, **env: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start the demo; answers the shell and the simulator's address that it prints."""
    installation.write_env(HTTP_PORT=None, DISCORD_TOKEN=None)
    shell = installation.never_down("--demo", **env)
    printed = until(
        lambda: re.search(r"its health +http://127\.0\.0\.1:(\d+)/", installation.text("test.log")),
        "the demo says where it is",
        within_s=20,
    )
    assert printed
    installation.http_port = int(printed[1])
    installation.wait_ready()
    url = re.search(r"--url (\S+)", installation.text("test.log"))
    assert url
    return shell, url[1]


def test_the_demo_answers_although_its_ports_are_taken(installation: Installation) -> None:
    """It moves to free ports, prints them, and a newcomer's first message is answered."""
    with socket.socket() as one, socket.socket() as two:
        for server in (one, two):
            server.bind(("127.0.0.1", 0))
            server.listen()
        taken = [str(server.getsockname()[1]) for server in (one, two)]
        shell, url = demo(installation, SIMULATOR_PORT=taken[0], HTTP_PORT=taken[1])

        said = installation.run(*installation.python("simulator", "say", "--url", url, "!ping you"))

    assert said == (0, "pong you\n")
    assert str(installation.http_port) not in taken
    assert (installation.stop(shell), installation.commands()) == (0, [])


@pytest.mark.slow
def test_the_demos_simulator_comes_back(installation: Installation) -> None:
    """The bot finds it again by itself: nothing else is restarted."""
    _, url = demo(installation, SIMULATOR_PORT=str(free_port()), HTTP_PORT=str(free_port()))
    bot_pid = installation.bot_pid()
    (line,) = [line for line in installation.commands() if "-m simulator" in line]

    installation.kill(int(line.split(":")[0]))
    until(
        lambda: (
            installation.run(
                *installation.python(
                    "simulator", "say", "--url", url, "--timeout-s", "2", "!ping on"
                )
            )
            == (0, "pong on\n")
        ),
        "the bot answers in the new simulator",
        within_s=25,
    )

    assert installation.bot_pid() == bot_pid


def test_it_calls_nobody_ready_for_what_an_earlier_run_left(installation: Installation) -> None:
    """A healthy status of yesterday is not today's."""
    (installation.state / "status.json").write_text('{"verdict": "healthy"}')
    installation.start_simulator()
    installation.simulator.fault("slow_rest", delay_s=600, path="*/users/@me")

    installation.never_down()
    until(installation.beat, "the bot lives, and waits for Discord", within_s=20)

    assert "The bot is ready" not in installation.text("test.log")
    installation.simulator.clear_faults()
