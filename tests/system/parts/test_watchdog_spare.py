"""Leader and spare over a real supervisord: one judgement, two budgets, and who gives way when."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.watchdog_rig import Rig, rigged
from watchdog.process.handle import ProcessHandle

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A leader and a warm spare, watched."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path, standby=True) as rig:
        (tmp_path / ".env").write_text("DISCORD_TOKEN=wrong\n")
        rig.start()
        rig.until(rig.is_paired)
        yield rig


def pid_of(rig: Rig, role: str) -> int:
    """Answer the pid of the process that has *role* by the last report."""
    assert rig.report is not None
    (pid,) = (each.pid for each in rig.report.processes if each.role == role)
    assert pid is not None
    return pid


def program_of(rig: Rig, role: str) -> str:
    """Answer the program whose process has *role*."""
    assert rig.report is not None
    (name,) = (each.program for each in rig.report.processes if each.role == role)
    return name


def kill_both(rig: Rig) -> set[int]:
    """Kill leader and spare between two polls; answers their pids.

    Were the spare's end seen alone, it would be a spare's, which has a budget of its own.
    """
    pids = {pid_of(rig, "leader"), pid_of(rig, "spare")}
    handles = [handle for pid in pids if (handle := ProcessHandle.open(pid)) is not None]
    for handle in handles:
        handle.send(signal.SIGKILL)
    for handle in handles:
        assert handle.wait_end(5)
        handle.close()
    return pids


def swap(rig: Rig) -> None:
    """Have the program `spare` lead, without any failure on record."""
    if program_of(rig, "leader") == "spare":
        return
    rig.wish("exit 26")
    rig.until(lambda: rig.is_paired() and program_of(rig, "leader") == "spare")


def test_a_dead_leader_is_one_restart_one_incident_and_one_takeover(rig: Rig) -> None:
    """The spare takes over; the dead program is started at once and becomes the spare."""
    swap(rig)
    leader, spare = pid_of(rig, "leader"), pid_of(rig, "spare")
    before = len(rig.lives)
    took_over = rig.report.takeovers if rig.report is not None else 0
    os.kill(leader, signal.SIGKILL)

    rig.until(lambda: rig.is_paired() and pid_of(rig, "leader") == spare)
    rig.for_polls(5)

    assert rig.report is not None
    assert rig.report.bot_pid == spare
    assert len(rig.lives) == before + 1
    assert rig.report.restarts.in_window == 1
    assert rig.report.takeovers == took_over + 1
    assert rig.report.counters["spare_restarts"] == 0
    assert [alert.kind for alert in rig.alerts] == ["incident", "recovery"]
    opened, closed = rig.records()
    assert (opened["kind"], opened["cause"], opened["failures"]) == ("crash", "SIGKILL", 1)
    assert closed["time_to_recovery_s"] < 2


def test_a_dead_spare_is_replaced_and_is_no_incident(rig: Rig) -> None:
    """The service is untouched; the budget of leaders is, too."""
    leader, spare = pid_of(rig, "leader"), pid_of(rig, "spare")
    os.kill(spare, signal.SIGKILL)

    rig.until(lambda: rig.is_paired() and pid_of(rig, "spare") != spare)

    assert rig.report is not None
    assert pid_of(rig, "leader") == leader
    assert rig.report.restarts.in_window == 0
    assert rig.report.counters["spare_restarts"] == 1
    assert rig.records() == []


def test_a_hung_leader_is_killed_and_the_spare_takes_over(rig: Rig) -> None:
    """The stack is on record, and one restart."""
    spare = pid_of(rig, "spare")
    rig.wish("hang")

    rig.until(lambda: rig.is_paired() and pid_of(rig, "leader") == spare)

    opened = rig.records()[0]
    assert (opened["kind"], opened["cause"]) == ("hung", "pulse_stopped")
    assert opened["actions"] == ["SIGUSR1", "SIGKILL", "restart at once"]
    assert "in obey" in opened["stack"]


def test_a_hung_spare_is_replaced(rig: Rig) -> None:
    """Killed by the same rule, and nothing is recorded against the service."""
    leader, spare = pid_of(rig, "leader"), pid_of(rig, "spare")
    rig.wish("hang", of="wish-spare")

    rig.until(lambda: rig.is_paired() and pid_of(rig, "spare") != spare)

    assert pid_of(rig, "leader") == leader
    assert rig.report is not None
    assert (rig.report.counters["kills"], rig.report.counters["spare_restarts"]) == (1, 1)
    assert rig.records() == []


def test_a_spare_that_can_not_be_kept_degrades_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own budget is spent; the leader serves on, and an operator's start begins a new one."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path, standby=True, max_restarts=2) as rig:
        rig.start()
        rig.until(rig.is_paired)
        program = program_of(rig, "spare")
        (rig.folder / "first_wish").write_text("exit 1")
        os.kill(pid_of(rig, "spare"), signal.SIGKILL)
        rig.until(lambda: rig.report is not None and rig.report.reason == "spare_held")
        verdict = rig.verdict

        (rig.folder / "first_wish").unlink()
        rig.control("start", program)
        rig.until(rig.is_paired)

        assert verdict == "degraded"
        assert rig.records() == []


def test_two_that_die_at_every_start_are_held_with_one_alert(rig: Rig) -> None:
    """One budget of five for both, and nobody is started any more; `start bot` begins anew."""
    (rig.folder / "first_wish").write_text("exit 1")
    kill_both(rig)

    rig.until(lambda: rig.verdict == "held" and rig.process("bot").pid is None)
    rig.until(lambda: rig.process("spare").pid is None and rig.process("spare").verdict == "held")
    rig.for_polls(5)
    lives = len(rig.lives)
    kinds = [alert.kind for alert in rig.alerts]
    spent = rig.report.restarts.in_window if rig.report is not None else 0
    (rig.folder / "first_wish").unlink()
    rig.control("start", "bot")
    rig.until(rig.is_paired)

    assert spent == 5
    assert lives == 7
    assert kinds == ["incident", "give_up"]
    assert rig.report is not None
    assert rig.report.restarts.in_window == 0


def test_leaders_that_die_after_every_takeover_are_held(rig: Rig) -> None:
    """Whichever program they ran in, one budget counts."""
    (rig.folder / "leaders_wish").write_text("exit 1")
    rig.wish("exit 1")

    rig.until(lambda: any(alert.kind == "give_up" for alert in rig.alerts))

    assert rig.report is not None
    assert rig.report.restarts.in_window == 5
    assert len(rig.lives) == 7
    assert rig.report.counters["spare_restarts"] == 0


@pytest.mark.parametrize("leads", ["bot", "spare"])
def test_an_operators_stop_of_bot_stops_the_service(rig: Rig, leads: str) -> None:
    """Whichever program leads; `start bot` is all it takes, and no alert comes."""
    if leads == "spare":
        swap(rig)
    rig.control("stop", "bot")
    rig.until(lambda: rig.verdict == "stopped" and rig.process("bot").pid is None)
    rig.until(lambda: rig.process("spare").role == "spare")
    quiet = rig.for_polls(8)

    rig.control("start", "bot")
    rig.until(rig.is_paired)

    assert quiet == {"stopped"}
    assert rig.alerts == []
    assert rig.records() == []


def test_a_bot_that_could_not_stand_down_is_stopped_all_the_same(rig: Rig) -> None:
    """It was stopped by force, so the spare took over; the watchdog ends that."""
    bot = pid_of(rig, "leader")
    swap(rig)
    bot = rig.process("bot").pid or bot
    os.kill(bot, signal.SIGSTOP)
    rig.control("stop", "bot")

    rig.until(lambda: rig.verdict == "stopped" and rig.process("spare").role == "spare")

    assert rig.for_polls(8) == {"stopped"}
    assert json.loads((rig.folder / "state/stood-down.json").read_text())["reason"] == "operator"


def test_an_operators_stop_of_the_spare_is_a_warning(rig: Rig) -> None:
    """It stays down, the service is healthy, and nobody is called; if it led, it hands over."""
    swap(rig)
    rig.control("stop", "spare")
    rig.until(lambda: rig.report is not None and rig.report.warnings != ())
    seen = rig.for_polls(8)

    assert seen == {"healthy"}
    assert rig.report is not None
    assert rig.report.warnings == ("spare_stopped_by_an_operator",)
    assert rig.alerts == []


@pytest.mark.parametrize("leads", ["bot", "spare"])
def test_a_permanent_failure_of_the_leader_waits_for_new_settings(rig: Rig, leads: str) -> None:
    """The spare does not try; mended, both start once, with the new settings."""
    if leads == "spare":
        swap(rig)
    before = len(rig.lives)
    rig.wish("exit 78")
    rig.until_verdict("failed")
    assert rig.report is not None
    advice = rig.report.advice
    quiet = rig.for_polls(8)
    tried = len(rig.lives) - before

    (rig.folder / ".env").write_text("DISCORD_TOKEN=right\n")
    rig.until(rig.is_paired)
    rig.for_polls(5)

    assert (advice, quiet, tried) == ("Put a token into .env", {"failed"}, 0)
    assert len(rig.lives) == before + 2
    assert [alert.kind for alert in rig.alerts] == ["permanent_failure", "recovery"]


def test_exit_0_of_the_leader_stops_the_service(rig: Rig) -> None:
    """The spare waits, warm; an operator's start is answered at once."""
    rig.wish("exit 0")
    rig.until_verdict("stopped")
    seen = rig.for_polls(8)
    warm = [each.role for each in rig.report.processes] if rig.report is not None else []

    rig.control("restart", "bot")
    rig.until(rig.is_paired)

    assert seen == {"stopped"}
    assert "spare" in warm
    assert rig.alerts == []


def test_a_leader_that_dies_unseen_was_a_leader(rig: Rig) -> None:
    """The watchdog before this one died too: the incident and the budget are the leader's."""
    leader, spare = pid_of(rig, "leader"), pid_of(rig, "spare")
    rig.release()
    os.kill(leader, signal.SIGKILL)
    rig.watch()

    rig.until(lambda: rig.is_paired() and pid_of(rig, "leader") == spare)

    assert rig.report is not None
    assert rig.report.restarts.in_window == 1
    assert [record["cause"] for record in rig.records()] == ["SIGKILL", "SIGKILL"]


def test_too_much_memory_of_the_leader_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM; the spare leads, and no budget is spent."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path, standby=True, max_rss_mb=200, max_rss_for_s=1.0) as rig:
        rig.start()
        rig.until(rig.is_paired)
        spare = pid_of(rig, "spare")
        rig.wish("heavy")

        rig.until(lambda: rig.is_paired() and pid_of(rig, "leader") == spare)

        assert rig.report is not None
        assert rig.report.counters["graceful_restarts"] == 1
        assert rig.report.restarts.in_window == 0
        assert rig.records() == []


def test_an_event_that_was_set_aside_is_told_once(rig: Rig) -> None:
    """An incident that is over at once, one alert, and nothing is restarted."""
    lives = len(rig.lives)
    rig.wish("poison")
    rig.until(lambda: bool(rig.alerts))
    rig.for_polls(5)

    assert [alert.kind for alert in rig.alerts] == ["incident"]
    assert "quarantine.jsonl" in rig.alerts[0].text
    assert [record["kind"] for record in rig.records()] == ["poisoned_event"] * 2
    assert len(rig.lives) == lives
    assert rig.verdict == "healthy"


def test_both_that_die_at_once_are_back(rig: Rig) -> None:
    """A cold start, and one incident."""
    before = kill_both(rig)

    rig.until(lambda: rig.is_paired() and pid_of(rig, "leader") not in before)

    assert [record["outcome"] for record in rig.records()] == ["open", "recovered"]
