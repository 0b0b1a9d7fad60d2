"""The keeper over a real supervisord, real processes and real signals."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.watchdog_rig import Rig, rigged
from watchdog.process import facts

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A healthy bot, watched."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path) as rig:
        rig.start()
        rig.until_verdict("healthy")
        yield rig


def test_a_killed_bot_is_back_with_one_incident(rig: Rig) -> None:
    """SIGKILL: one restart, the signal named, one incident, one alert and one recovery."""
    first = rig.pid
    os.kill(first, signal.SIGKILL)

    rig.until(lambda: len(rig.lives) == 2)
    rig.until_recovered()

    assert rig.report is not None
    assert rig.report.restarts.total == 1
    assert rig.report.restarts.in_window == 1
    assert [alert.kind for alert in rig.alerts] == ["incident", "recovery"]
    opened, closed = rig.records()
    assert (opened["kind"], opened["cause"]) == ("crash", "SIGKILL")
    assert closed["outcome"] == "recovered"
    assert closed["time_to_recovery_s"] < 5


@pytest.mark.parametrize(
    ("wish", "verdict", "cause", "line"),
    [
        pytest.param("hang", "hung", "pulse_stopped", "time.sleep(600)", id="blocked loop"),
        pytest.param("seize", "frozen", "interpreter_stuck", "re.match", id="interpreter's lock"),
    ],
)
def test_a_stuck_bot_is_replaced_and_the_line_is_named(
    rig: Rig, wish: str, verdict: str, cause: str, line: str
) -> None:
    """The stack that the bot dumps before it is killed names the function it stood in."""
    rig.wish(wish)

    rig.until(lambda: len(rig.lives) == 2)
    rig.until_recovered()

    opened = rig.records()[0]
    assert (opened["kind"], opened["cause"]) == (verdict, cause)
    assert opened["actions"] == ["SIGUSR1", "SIGKILL", "restart at once"]
    assert "in obey" in opened["stack"]
    assert opened["failures"] == 1
    assert rig.tools.planner.history.total == 1


def test_a_stopped_process_is_replaced(rig: Rig) -> None:
    """SIGSTOP: state T is recognised; no stack is asked of a process that can't write one."""
    os.kill(rig.pid, signal.SIGSTOP)

    rig.until(lambda: len(rig.lives) == 2)
    rig.until_recovered()

    opened = rig.records()[0]
    assert (opened["kind"], opened["cause"]) == ("frozen", "stopped_by_signal")
    assert opened["evidence"]["run_state"] == "T"
    assert opened["actions"] == ["SIGKILL", "restart at once"]


@pytest.mark.slow
def test_silence_of_the_writer_alone_is_borne_three_times_as_long(rig: Rig) -> None:
    """No beats from a process that sleeps: degraded first, replaced after three limits."""
    rig.wish("mute")

    degraded_s = rig.until_verdict("degraded")
    rig.until(lambda: len(rig.lives) == 2)

    assert degraded_s >= 1.0
    assert rig.records()[0]["cause"] == "no_heartbeat"


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        pytest.param(26, "restart_asked", id="restart asked for"),
        pytest.param(143, "SIGTERM", id="SIGTERM handled"),
        pytest.param(130, "SIGINT", id="SIGINT handled"),
    ],
)
def test_an_end_that_was_asked_for_is_no_failure(rig: Rig, code: int, cause: str) -> None:
    """The bot starts again at once, and spends no budget."""
    rig.wish(f"exit {code}")

    rig.until(lambda: len(rig.lives) == 2)
    rig.until_recovered()

    assert rig.report is not None
    assert (rig.report.restarts.total, rig.report.restarts.in_window) == (1, 0)
    assert rig.records() == []
    assert rig.alerts == []


def test_exit_0_stays_down(rig: Rig) -> None:
    """Only the shutdown command exits with 0."""
    rig.wish("exit 0")

    rig.until_verdict("stopped")

    assert rig.for_polls(10) == {"stopped"}
    assert len(rig.lives) == 1
    assert rig.alerts == []


def test_an_operators_stop_is_obeyed_and_a_start_is_met(rig: Rig) -> None:
    """`supervisorctl stop` stays down without an alert; `start` is seen at once."""
    rig.control("stop", "bot")
    rig.until_verdict("stopped")
    quiet = rig.for_polls(10)

    rig.control("start", "bot")
    rig.until_verdict("healthy")

    assert quiet == {"stopped"}
    assert len(rig.lives) == 2
    assert rig.alerts == []


def test_an_operators_restart_makes_one_process(rig: Rig) -> None:
    """`supervisorctl restart bot` is the operator's; the watchdog starts nothing beside it."""
    rig.control("restart", "bot")

    rig.until(lambda: len(rig.lives) == 2)
    rig.until_verdict("healthy")
    rig.for_polls(10)

    assert len(rig.lives) == 2
    assert rig.alerts == []


def test_exit_78_is_never_retried_until_the_settings_change(rig: Rig) -> None:
    """One alert that says what to mend; `.env` mended, one more try; a touch is no change."""
    (rig.folder / ".env").write_text("DISCORD_TOKEN=wrong\n")
    rig.control("restart", "bot")
    rig.until(lambda: len(rig.lives) == 2)
    rig.until_verdict("healthy")
    rig.wish("exit 78")
    rig.until_verdict("failed")
    assert rig.report is not None
    advice = rig.report.advice
    (rig.folder / ".env").touch()
    quiet = rig.for_polls(8)

    (rig.folder / ".env").write_text("DISCORD_TOKEN=right\n")
    rig.until(lambda: len(rig.lives) == 3)
    rig.until_recovered()

    assert advice == "Put a token into .env"
    assert quiet == {"failed"}
    assert [alert.kind for alert in rig.alerts] == ["permanent_failure", "recovery"]
    assert rig.alerts[0].text.startswith("Put a token into .env")


@pytest.mark.slow
def test_a_bot_that_fails_at_every_start_is_held(rig: Rig) -> None:
    """Five tries, then held with one alert; an operator's start begins a new budget."""
    (rig.folder / "first_wish").write_text("exit 1")
    rig.wish("exit 1")

    rig.until_verdict("held")
    rig.for_polls(5)
    tries = len(rig.lives)
    kinds = [alert.kind for alert in rig.alerts]
    (rig.folder / "first_wish").unlink()
    rig.control("start", "bot")
    rig.until_recovered()

    assert tries == 6
    assert kinds == ["incident", "give_up"]
    assert rig.report is not None
    assert rig.report.restarts.in_window == 0
    assert [alert.kind for alert in rig.alerts] == ["incident", "give_up", "recovery"]
    assert [record["failures"] for record in rig.records()] == [1, 6]


def test_a_plugins_children_end_with_the_bot(rig: Rig) -> None:
    """What the dead bot leaves in its process group is killed before the next one starts."""
    rig.wish("child")
    rig.until(lambda: (rig.folder / "child.pid").exists())
    child = int((rig.folder / "child.pid").read_text() or "0")
    os.kill(rig.pid, signal.SIGKILL)

    rig.until(lambda: len(rig.lives) == 2)
    rig.until(lambda: (seen := facts.read(child)) is None or seen.run_state == "Z")

    assert rig.for_polls(2) <= {"starting", "healthy"}


def test_too_much_memory_is_a_graceful_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM, its own counter, no budget spent."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path, max_rss_mb=200, max_rss_for_s=1.0) as rig:
        rig.start()
        rig.until_verdict("healthy")
        rig.wish("heavy")

        rig.until(lambda: len(rig.lives) == 2)
        rig.until_recovered()

        assert rig.report is not None
        assert rig.report.counters["graceful_restarts"] == 1
        assert rig.report.restarts.in_window == 0
        assert rig.records() == []


@pytest.mark.slow
def test_a_start_that_never_gets_ready_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beats of somebody else are no beats: after STARTUP_TIMEOUT_S the process is replaced."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path, startup_timeout_s=5.0) as rig:
        (rig.folder / "first_wish").write_text("hide")
        rig.start()

        rig.until(lambda: len(rig.lives) == 2)
        rig.tick()

        opened = rig.records()[0]
        assert (opened["kind"], opened["cause"]) == ("never_ready", "never_ready")
        assert rig.for_polls(5) == {"starting"}


def test_backing_off_is_left_alone(rig: Rig) -> None:
    """A bot that waits for Discord is not restarted, however long it waits."""
    rig.wish("backing_off")
    rig.until_verdict("backing_off")

    seen = rig.for_polls(15)

    assert seen == {"backing_off"}
    assert len(rig.lives) == 1


@pytest.mark.slow
def test_a_machine_that_sleeps_restarts_nothing(rig: Rig) -> None:
    """Bot, supervisord and watchdog all stand still for three limits; then all go on."""
    assert rig.supervisord is not None
    for pid in (rig.pid, rig.supervisord.pid):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3 * rig.settings.hung_after_s)
    seen = rig.for_polls(1)
    for pid in (rig.lives[0], rig.supervisord.pid):
        os.kill(pid, signal.SIGCONT)

    seen |= rig.for_polls(15)

    assert seen == {"healthy"}
    assert len(rig.lives) == 1


def test_a_state_folder_that_is_gone_restarts_nothing(rig: Rig) -> None:
    """No beat, no socket, no report on disk: the bot serves on, and that is said."""
    (rig.folder / "state").rename(rig.folder / "elsewhere")
    rig.until_verdict("degraded")
    seen = rig.for_polls(30)

    (rig.folder / "elsewhere").rename(rig.folder / "state")
    rig.until_verdict("healthy")

    assert seen == {"degraded"}
    assert len(rig.lives) == 1


def test_a_log_folder_that_is_gone_is_made_before_a_start(rig: Rig) -> None:
    """supervisord opens the program's logs first, and starts nothing where it can't."""
    shutil.rmtree(rig.folder / "logs")
    os.kill(rig.pid, signal.SIGKILL)

    rig.until(lambda: len(rig.lives) == 2)
    rig.until_recovered()

    assert rig.tools.planner.history.total == 1
    assert [record["outcome"] for record in rig.records()] == ["open", "recovered"]


def test_settings_mended_wrongly_are_one_more_try_and_one_more_alert(rig: Rig) -> None:
    """Each change of `.env` is one try; each failure says what to do."""
    (rig.folder / "first_wish").write_text("exit 78")
    rig.wish("exit 78")
    rig.until_verdict("failed")

    (rig.folder / ".env").write_text("DISCORD_TOKEN=wrong again\n")
    rig.until(lambda: len(rig.alerts) == 2)
    rig.for_polls(5)

    assert len(rig.lives) == 2
    assert [alert.kind for alert in rig.alerts] == ["permanent_failure"] * 2
    assert rig.alerts[0].key != rig.alerts[1].key


@pytest.mark.slow
def test_a_frozen_supervisord_restarts_nothing_and_is_told(rig: Rig) -> None:
    """Calls time out, the bot serves on; a hang is put right once supervisord answers again."""
    assert rig.supervisord is not None
    rig.supervisord.send_signal(signal.SIGSTOP)
    rig.until(lambda: any(alert.kind == "warning" for alert in rig.alerts))
    frozen_verdict, warned = rig.verdict, rig.alerts[0].title
    rig.wish("hang")
    rig.until_verdict("hung")
    rig.for_polls(3)
    lives = len(rig.lives)

    rig.supervisord.send_signal(signal.SIGCONT)
    rig.until(lambda: len(rig.lives) == 2)
    rig.until_verdict("healthy")

    assert frozen_verdict == "healthy"
    assert warned == "Warning: supervisord"
    assert lives == 1


def test_a_watchdog_that_starts_finds_a_dead_bot_and_starts_it(rig: Rig) -> None:
    """The one before died between the kill and the start; supervisord says EXITED."""
    rig.release()
    os.kill(rig.lives[0], signal.SIGKILL)
    rig.watch()

    rig.until(lambda: len(rig.lives) == 2)
    rig.until_recovered()

    assert rig.tools.planner.in_window() == 1
    assert rig.records()[0]["cause"] == "SIGKILL"


@pytest.mark.slow
def test_history_and_hold_outlive_the_watchdog(rig: Rig) -> None:
    """A held bot stays held when the watchdog is replaced, and the incident stays open."""
    (rig.folder / "first_wish").write_text("exit 1")
    rig.wish("exit 1")
    rig.until_verdict("held")
    rig.watch()

    seen = rig.for_polls(8)

    assert seen == {"held"}
    assert len(rig.lives) == 6
    assert rig.report is not None
    assert rig.report.incident is not None
    assert rig.report.incident.recovered_at is None


def test_a_watchdog_that_starts_leaves_a_healthy_bot_alone(rig: Rig) -> None:
    """It has seen no progress yet, and that is no reason."""
    before = rig.pid
    for _ in range(3):
        rig.release()
        rig.watch()
        rig.for_polls(2)

    rig.until_verdict("healthy")

    assert rig.pid == before
    assert rig.tools.planner.history.total == 0


@pytest.mark.slow
def test_a_hang_after_every_start_spends_the_same_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up after MAX_RESTARTS; the last one that hung is ended as well."""
    monkeypatch.chdir(tmp_path)
    with rigged(tmp_path, max_restarts=2, hung_after_s=0.6, frozen_after_s=0.6) as rig:
        rig.start()
        rig.until_verdict("healthy")
        for _ in range(3):
            rig.until_verdict("healthy")
            rig.wish("hang")
            rig.until(lambda: rig.verdict != "healthy")

        rig.until_verdict("held")

        assert len(rig.lives) == 3
        assert facts.read(rig.lives[-1]) is None
        assert [alert.kind for alert in rig.alerts].count("give_up") == 1


def test_a_slow_end_is_no_hang_until_its_deadline(rig: Rig) -> None:
    """`stopping` suppresses the hang check for SHUTDOWN_TIMEOUT_S and a margin."""
    rig.wish("stopping")
    rig.until_verdict("stopped")

    rig.until(lambda: len(rig.lives) == 2)

    assert rig.records()[0]["cause"] == "stop_overdue"


def test_a_bot_that_supervisord_cant_start_is_a_failure(rig: Rig) -> None:
    """The command is gone: counted, told, held in the end, and never an exception."""
    bot = rig.folder / "python"
    bot.symlink_to("/nowhere")
    config = (rig.folder / "supervisord.conf").read_text()
    rewritten = config.replace("[program:bot]\ncommand = ", f"[program:bot]\ncommand = {bot} ")
    (rig.folder / "supervisord.conf").write_text(rewritten)
    rig.control("update")

    rig.until(lambda: any(alert.kind == "give_up" for alert in rig.alerts))

    assert rig.verdict in ("held", "dead")
    assert rig.records()[0]["kind"] == "start_failed"
