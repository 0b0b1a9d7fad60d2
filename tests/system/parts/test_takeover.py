"""What an earlier run left is ended by pid and start time, and nobody else is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sources import ROOT
from watchdog.heartbeat import identity
from watchdog.heartbeat.identity import Identity
from watchdog.process import roster
from watchdog.process.roster import Entry

Spawn = Callable[..., subprocess.Popen[bytes]]
SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation's folder."""
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start processes; they are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        *command: str, cwd: Path | None = None, under: Path | None = None
    ) -> subprocess.Popen[bytes]:
        env = environ()
        if under is not None:  # what supervisord tells its programs
            env["SUPERVISOR_SERVER_URL"] = f"unix://{under}/state/supervisor.sock"
        process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, env=env)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def environ() -> dict[str, str]:
    """Answer an environment in which the packages are found from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def takeover(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the module in *folder*; answers its code and what it told."""
    done = subprocess.run(
        [sys.executable, "-m", "watchdog.process.takeover", *arguments],
        cwd=folder,
        env=environ(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr.decode()


def who(process: subprocess.Popen[bytes]) -> Identity:
    """Answer the identity of *process*."""
    found = identity.read(process.pid)
    assert found is not None
    return found


def write_roster(folder: Path, *entries: tuple[str, Identity]) -> None:
    """Write the roster of a run whose shell is no more."""
    earlier = [("never_down", Identity(pid=2**22 - 1, started=0.5)), *entries]
    lines = [Entry(name=n, identity=i, boot_id=identity.boot_id()) for n, i in earlier]
    (folder / "state/never_down.pid").write_text("".join(map(roster.render, lines)))


def test_a_process_is_recorded_and_becomes_its_command(folder: Path, spawn: Spawn) -> None:
    """Pid and start time are those of what it turned into."""
    command = (sys.executable, "-m", "watchdog.process.takeover", "exec", "supervisord")
    process = spawn(
        *command,
        sys.executable,
        "-c",
        "import time; print('up', flush=True); time.sleep(60)",
        cwd=folder,
    )
    assert process.stdout is not None
    process.stdout.readline()

    (entry,) = roster.parse((folder / "state/never_down.pid").read_text())

    assert (entry.name, entry.identity) == ("supervisord", who(process))


def test_the_second_shell_is_refused_and_told_the_first(folder: Path) -> None:
    """The lock stays with the shell that took it, as long as it lives."""
    lock = f"'{sys.executable}' -m watchdog.process.takeover lock $$"
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"exec 9>>state/never_down.pid; {lock} || exit 9; echo $$;"
            f"bash -c 'exec 9>>state/never_down.pid; {lock.replace(chr(39), '')}'; exit $?",
        ],
        cwd=folder,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert f"pid {done.stdout.strip()}," in done.stderr


def test_a_supervisord_of_an_earlier_run_is_asked_to_end(folder: Path, spawn: Spawn) -> None:
    """It gets SIGTERM, on which it ends its programs."""
    supervisord = spawn(*SLEEPER)
    write_roster(folder, ("supervisord", who(supervisord)))

    code, told = takeover(folder, "clean", str(os.getpid()))

    assert (code, supervisord.wait(5)) == (0, -signal.SIGTERM)
    assert f"pid {supervisord.pid}" in told


def test_a_stranger_with_the_recorded_pid_is_left_alone(folder: Path, spawn: Spawn) -> None:
    """A pid comes round again; a pid with its start time does not."""
    stranger = spawn(*SLEEPER)
    reused = Identity(pid=stranger.pid, started=who(stranger).started - 100)
    write_roster(folder, ("supervisord", reused), ("simulator", reused))

    code, _ = takeover(folder, "clean", str(os.getpid()))

    assert (code, stranger.poll()) == (0, None)


def test_an_orphan_is_ended(folder: Path, spawn: Spawn) -> None:
    """It has a moment to end by itself, is asked to, and is known by the socket above it."""
    orphan = spawn(*SLEEPER, under=folder)

    code, told = takeover(folder, "clean", str(os.getpid()))

    assert (code, orphan.wait(5)) == (0, -signal.SIGTERM)
    assert f"that an earlier run left, pid {orphan.pid}" in told


def test_an_orphan_that_does_not_react_is_killed(folder: Path, spawn: Spawn) -> None:
    """A stopped process handles no signal."""
    orphan = spawn(*SLEEPER, under=folder)
    orphan.send_signal(signal.SIGSTOP)

    code, _ = takeover(folder, "clean", str(os.getpid()))

    assert (code, orphan.wait(5)) == (0, -signal.SIGKILL)


def test_the_programs_of_another_installation_are_left_alone(
    folder: Path, spawn: Spawn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two folders know nothing of each other."""
    other = tmp_path_factory.mktemp("other")
    (other / "state").mkdir()
    bot = spawn(*SLEEPER, under=other)

    code, _ = takeover(folder, "clean", str(os.getpid()))

    assert (code, bot.poll()) == (0, None)


def test_a_supervisord_that_somebody_else_started_is_not_touched(
    folder: Path, spawn: Spawn
) -> None:
    """Whoever listens on the socket is named by the kernel."""
    script = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind('state/supervisor.sock');"
        "s.listen(); print('up', flush=True); import time; time.sleep(60)"
    )
    foreign = spawn(sys.executable, "-c", script, cwd=folder)
    assert foreign.stdout is not None
    foreign.stdout.readline()

    code, told = takeover(folder, "clean", str(os.getpid()))

    assert (code, foreign.poll()) == (1, None)
    assert f"pid {foreign.pid}," in told
    assert (folder / "state/supervisor.sock").exists()


def test_a_stale_socket_is_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on it, so nobody misses it."""
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("state/supervisor.sock")
    (folder / "state/supervisord.pid").write_text("1\n")

    code, told = takeover(folder, "clean", str(os.getpid()))

    assert (code, told) == (0, "")
    assert not list((folder / "state").iterdir())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"supervisord 1 0.0 x\n", id="init"),
        pytest.param(b"supervisord 99999999999999999999 1.0 x\n", id="no such number"),
        pytest.param(b"\xff" * 300_000, id="long"),
    ],
)
def test_a_roster_that_can_not_be_believed_ends_nobody(folder: Path, content: bytes) -> None:
    """The roster is untrusted input."""
    (folder / "state/never_down.pid").write_bytes(content)

    assert takeover(folder, "clean", str(os.getpid())) == (0, "")


def test_at_the_end_the_roster_is_empty(folder: Path) -> None:
    """What is over leaves no name behind."""
    write_roster(folder)

    code, _ = takeover(folder, "over", str(os.getpid()))

    assert (code, (folder / "state/never_down.pid").read_text()) == (0, "")
