"""`python -m watchdog deploy` beside a real watchdog and a real supervisord."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.watchdog_rig import ROOT, Rig, rigged, wait_for
from tests.ports import free_port

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")

SETTINGS = {
    "HUNG_AFTER_S": "1.5",
    "FROZEN_AFTER_S": "1.5",
    "HEARTBEAT_INTERVAL_S": "0.3",
    "POLL_INTERVAL_S": "0.2",
    "STARTUP_TIMEOUT_S": "8",
    "SHUTDOWN_TIMEOUT_S": "1",
}


def status(rig: Rig) -> dict[str, Any]:
    """Answer the last report on disk, empty before the first."""
    path = rig.folder / "state/status.json"
    return json.loads(path.read_bytes()) if path.exists() else {}


def pid_of(rig: Rig, role: str) -> int | None:
    """Answer the pid of the healthy process that has *role*, None without one."""
    for each in status(rig).get("processes", ()):
        if each["role"] == role and each["verdict"] == "healthy" and each["pid"]:
            return int(each["pid"])
    return None


@pytest.fixture
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    """A leader and a warm spare, or no spare, and the watchdog as a process of its own."""
    monkeypatch.chdir(tmp_path)
    standby = getattr(request, "param", True)
    with rigged(tmp_path, standby=standby) as rig:
        port = str(free_port())
        rig.write_config(watchdog=SETTINGS | {"HTTP_PORT": port})
        rig.start()
        wait_for(lambda: status(rig).get("verdict") == "healthy")
        wait_for(lambda: not standby or pid_of(rig, "spare") is not None)
        yield rig


def deploy(rig: Rig, *, standby: bool = True) -> tuple[int, str]:
    """Run the command as an operator does; answer its code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "watchdog", "deploy"],
        cwd=rig.folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "STANDBY": str(standby).lower(),
            **SETTINGS,
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_both_processes_are_replaced_and_nothing_is_called_a_failure(rig: Rig) -> None:
    """The new leader is the restarted spare; the old leader becomes the spare, with new code."""
    before = {pid_of(rig, "leader"), pid_of(rig, "spare")}

    code, told = deploy(rig)
    wait_for(lambda: pid_of(rig, "leader") not in (*before, None))
    wait_for(lambda: pid_of(rig, "spare") not in (*before, None))
    wait_for(lambda: status(rig)["verdict"] == "healthy")

    assert code == 0
    assert "leads" in told
    assert pid_of(rig, "leader") == rig.lives[2]
    assert status(rig)["restarts"]["in_window"] == 0
    assert rig.records() == []


def test_a_deploy_can_follow_a_deploy(rig: Rig) -> None:
    """Then the other program leads, and nothing depends on its name."""
    codes = []
    for _ in range(2):
        before = {pid_of(rig, "leader"), pid_of(rig, "spare")}
        codes.append(deploy(rig)[0])
        wait_for(lambda known=before: pid_of(rig, "spare") not in (*known, None))  # type: ignore[misc]

    assert codes == [0, 0]
    assert rig.records() == []


def test_code_that_does_not_start_changes_nothing(rig: Rig) -> None:
    """The old leader is untouched, and the service is not called failed."""
    leader = pid_of(rig, "leader")
    (rig.folder / "first_wish").write_text("exit 1")

    code, told = deploy(rig)

    assert code == 1
    assert "does not get warm" in told
    assert pid_of(rig, "leader") == leader
    assert status(rig)["verdict"] in ("healthy", "degraded")
    assert rig.records() == []


def test_code_that_fails_once_it_leads_is_followed_by_the_old_one(rig: Rig) -> None:
    """The old process has waited, and leads again."""
    leader = pid_of(rig, "leader")
    (rig.folder / "leaders_wish").write_text(f"unless {leader} exit 1")

    code, told = deploy(rig)

    assert code == 1
    assert "the old process leads again" in told
    wait_for(lambda: pid_of(rig, "leader") == leader)


@pytest.mark.parametrize("rig", [False], indirect=True)
def test_without_a_spare_there_is_a_gap_and_it_is_said(rig: Rig) -> None:
    """SIGTERM; the watchdog starts the new process."""
    leader = pid_of(rig, "leader")

    code, told = deploy(rig, standby=False)

    assert (code, "there is a gap" in told) == (0, True)
    assert len(rig.lives) == 2
    wait_for(lambda: pid_of(rig, "leader") not in (leader, None))
    assert status(rig)["restarts"]["in_window"] == 0


def test_a_service_that_was_stopped_is_not_deployed_to(rig: Rig) -> None:
    """It says what it is, and touches nothing."""
    rig.control("stop", "bot")
    # Should the program `spare` have led, it is ended and comes back as a spare first.
    wait_for(lambda: [each["role"] for each in status(rig)["processes"]] == [None, "spare"])
    lives = len(rig.lives)

    code, told = deploy(rig)

    assert (code, "The service is stopped" in told) == (1, True)
    assert len(rig.lives) == lives


def test_without_a_watchdog_nothing_is_touched(rig: Rig) -> None:
    """Nobody would judge the new code."""
    rig.control("stop", "watchdog")

    code, told = deploy(rig)

    assert (code, "watchdog does not judge" in told) == (1, True)
    assert len(rig.lives) == 2


def test_a_frozen_supervisord_is_told(rig: Rig) -> None:
    """It answers nobody."""
    assert rig.supervisord is not None
    rig.supervisord.send_signal(signal.SIGSTOP)

    code, told = deploy(rig)

    assert (code, "supervisord" in told) == (1, True)
    assert len(rig.lives) == 2
