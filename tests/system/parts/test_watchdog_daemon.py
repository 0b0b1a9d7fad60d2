"""The watchdog as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.watchdog_rig import ROOT, Rig, rigged, wait_for
from tests.ports import free_port
from watchdog.process import facts

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")

LIMITS = {
    "HUNG_AFTER_S": "1.5",
    "FROZEN_AFTER_S": "1.5",
    "HEARTBEAT_INTERVAL_S": "0.3",
    "POLL_INTERVAL_S": "0.2",
    "TICK_LIMIT_S": "3",
}


def status(rig: Rig) -> dict[str, Any]:
    """Answer the last report on disk, empty before the first."""
    path = rig.folder / "state/status.json"
    return json.loads(path.read_bytes()) if path.exists() else {}


def is_alive(pid: int) -> bool:
    """Answer whether *pid* runs."""
    seen = facts.read(pid)
    return seen is not None and seen.run_state not in ("Z", "X")


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """supervisord with the test bot and a real watchdog, which finds the bot healthy."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path) as rig:
        rig.write_config(watchdog=LIMITS | {"HTTP_PORT": str(free_port())})
        rig.start()
        wait_for(lambda: status(rig).get("verdict") == "healthy")
        yield rig


def watchdog(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m watchdog` in *folder*."""
    return subprocess.run(
        [sys.executable, "-m", "watchdog", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_killed_bot_is_back(rig: Rig) -> None:
    """The whole loop, across processes."""
    os.kill(rig.lives[0], signal.SIGKILL)

    wait_for(lambda: len(rig.lives) == 2)
    wait_for(lambda: status(rig)["bot_pid"] == rig.lives[1] and status(rig)["verdict"] == "healthy")

    assert status(rig)["restarts"]["total"] == 1
    assert status(rig)["incident"]["cause"] == "SIGKILL"


def test_a_killed_watchdog_is_back_and_the_bot_untouched(rig: Rig) -> None:
    """Its history is on disk."""
    os.kill(rig.lives[0], signal.SIGKILL)
    wait_for(lambda: len(rig.lives) == 2 and status(rig)["verdict"] == "healthy")
    first = status(rig)["watchdog_pid"]
    os.kill(first, signal.SIGKILL)

    wait_for(lambda: status(rig)["watchdog_pid"] != first and status(rig)["verdict"] == "healthy")

    assert len(rig.lives) == 2
    assert status(rig)["restarts"]["in_window"] == 1


def test_sigterm_ends_the_watchdog_at_once(rig: Rig) -> None:
    """Even while supervisord does not answer it."""
    assert rig.supervisord is not None
    rig.supervisord.send_signal(signal.SIGSTOP)
    time.sleep(2.5)  # a call is under way now
    pid = status(rig)["watchdog_pid"]
    began_s = time.monotonic()
    os.kill(pid, signal.SIGTERM)

    wait_for(lambda: not is_alive(pid))

    assert time.monotonic() - began_s < 3.0
    assert len(rig.lives) == 1


def test_the_watchdog_ends_with_its_supervisord(rig: Rig) -> None:
    """Two watchdogs would act on one bot."""
    assert rig.supervisord is not None
    pid = status(rig)["watchdog_pid"]
    rig.supervisord.kill()
    rig.supervisord.wait(5)

    wait_for(lambda: not is_alive(pid))

    assert not is_alive(pid)


def test_the_files_of_the_watchdog_are_private_and_it_is_small(rig: Rig) -> None:
    """0600, and at most 60 MB resident."""
    names = ("state/status.json", "state/restarts.json", "logs/watchdog.stacks.log")
    modes = {name: (rig.folder / name).stat().st_mode & 0o777 for name in names}
    text = Path(f"/proc/{status(rig)['watchdog_pid']}/status").read_text()
    resident_kib = int(text.partition("VmRSS:")[2].split()[0])

    assert modes == dict.fromkeys(names, 0o600)
    assert resident_kib <= 60 * 1024


@pytest.mark.parametrize("command", ["check", "run"])
def test_bad_settings_are_told_one_line_each(command: str, tmp_path: Path) -> None:
    """The name, what is wrong, what is allowed; exit 78."""
    done = watchdog(
        command, folder=tmp_path, POLL_INTERVAL_S="0", MAX_RESTARTS="abc", HUNG_AFTER="3"
    )

    lines = done.stderr.splitlines()
    assert done.returncode == 78
    assert len(lines) == 3
    assert {line.partition(":")[0] for line in lines} == {
        "POLL_INTERVAL_S",
        "MAX_RESTARTS",
        "HUNG_AFTER",
    }
    assert not (tmp_path / "state").exists()


def test_good_settings_are_well(tmp_path: Path) -> None:
    """Exit 0, and nothing to say."""
    done = watchdog("check", folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
