"""The bot lives and does not move: found within seconds, told why, and replaced; or left alone."""

from __future__ import annotations

import signal

import pytest

from tests.faults import freeze, kill, traced
from tests.integration.webhook_stand_in import answer, webhook
from tests.system.conftest import Make, Measured
from tests.system.fault_rows import fault
from tests.system.faulty_bot import (
    REPLACED_WITHIN_S,
    T,
    assert_replaced_once,
    exists,
    recovered,
    serving,
    time_to_answer,
    wait_verdict,
)
from tests.system.installation import Installation, until
from tests.system.quiet import assert_untouched


@pytest.fixture
def faulty(make_installation: Make) -> Installation:
    """A serving installation whose bot has a command for each fault."""
    return serving(make_installation)


def assert_replaced(faulty: Installation, command: str, line: str) -> float:
    """Hang the bot; fail unless it is replaced and *line* is in its stack. Answers how fast."""
    pid = faulty.bot_pid()

    took_s = time_to_answer(faulty, lambda: faulty.simulator.say(f"!{command}"))
    incident = recovered(faulty)

    assert not exists(faulty, pid)
    assert incident["kind"] in ("hung", "frozen")
    assert line in str(incident["stack"])
    assert "SIGUSR1" in incident["actions"]
    assert_replaced_once(faulty, pid)
    return took_s


@fault(
    4,
    "`time.sleep(600)` in a handler",
    answer="`hung`; the stack taken before the kill names the line; replaced once",
    within_s=3.0,
)
def test_fault_04_sleep(faulty: Installation, measured: Measured) -> None:
    """A call that waits blocks the loop, and is found and named."""
    measured(assert_replaced(faulty, "sleep", "time.sleep(seconds)"))


@fault(5, "`while True: pass` in a handler", answer="as 4", within_s=3.0)
@pytest.mark.slow
def test_fault_05_spin(faulty: Installation, measured: Measured) -> None:
    """Work that never ends blocks the loop, and is found and named."""
    measured(assert_replaced(faulty, "spin", "time.monotonic() < until_s"))


@fault(
    6,
    "the interpreter's lock held in C: a catastrophic regular expression",
    answer="as 4, though no thread can beat: `frozen` by the processor time it burns",
    within_s=3.0,
)
@pytest.mark.slow
def test_fault_06_gil_held(faulty: Installation, measured: Measured) -> None:
    """Without a single beat a process that burns is found, and its stack names the line."""
    measured(assert_replaced(faulty, "regex", "hold_gil"))


@fault(
    7,
    "loop blocked for T / 2",
    answer="no restart; the lag is in the metrics, and logged with its stack as one warning",
)
def test_fault_07_half_a_hang(faulty: Installation) -> None:
    """A loop that is blocked for a while is warned of, and left alone."""
    pid = faulty.bot_pid()
    message = faulty.simulator.say(f"!nap {T / 2}", wait_s=10)
    until(lambda: worst_lag_s(faulty) >= T / 4, "the metrics have the lag")
    warned = [record for record in faulty.records("bot.jsonl") if "time.sleep" in str(record)]

    assert message["reply"]["content"] == "woke up"
    assert [record["level"] for record in warned] == ["warning"]
    assert_untouched(faulty, pid)


@fault(
    10,
    "SIGSTOP",
    answer="`frozen` by its run state, killed, replaced once",
    within_s=3.0,
)
def test_fault_10_sigstop(faulty: Installation, measured: Measured) -> None:
    """A stopped process is recognised by its state, killed and replaced."""
    pid = faulty.bot_pid()

    took_s = time_to_answer(faulty, lambda: kill(pid, signal.SIGSTOP))
    incident = recovered(faulty)

    assert not exists(faulty, pid)
    assert (incident["kind"], incident["cause"]) == ("frozen", "stopped_by_signal")
    assert incident["evidence"]["run_state"] == "T"
    assert_replaced_once(faulty, pid)
    measured(took_s)


@fault(
    11,
    "a debugger is attached and holds the bot",
    answer="`held` with one warning, no kill however long it lasts; let go, the same process"
    " serves on",
)
@pytest.mark.slow
def test_fault_11_debugger(make_installation: Make) -> None:
    """A process under a debugger is left alone, and that is said."""
    with webhook(answer(204)) as hook:
        faulty = serving(make_installation, ALERT_WEBHOOK_URL=hook.url)
        pid = faulty.bot_pid()
        try:
            with traced(pid):
                wait_verdict(faulty, "held", "debugger_attached")
                faulty.wait_polls(8)  # polls worth more than 3 T in all, with those before
                until(lambda: hook.all_titles, "it is told")
        except PermissionError as error:
            pytest.skip(f"nobody may debug here: {error}")
        reply = faulty.say("!ping on")
        until(lambda: faulty.verdict() == "healthy", "it is healthy again")

    assert reply == "pong on"
    assert faulty.bot_pid() == pid
    assert hook.all_titles == ["Warning: debugger attached"]
    assert faulty.records("incidents.jsonl") == []
    assert faulty.healthz()[1]["counters"]["kills"] == 0


@pytest.mark.slow
def test_a_short_freeze_restarts_nothing(faulty: Installation) -> None:
    """A process that was stopped for less than T goes on as if nothing had been."""
    pid = faulty.bot_pid()

    with freeze(pid):
        faulty.wait_polls(1)

    assert faulty.say("!ping on", within_s=REPLACED_WITHIN_S) == "pong on"
    assert_untouched(faulty, pid)


def worst_lag_s(installation: Installation) -> float:
    """Answer the loop's worst lag of the last minute, by the metrics."""
    name = b"novera_loop_lag_max_seconds "
    lines = installation.http("/metrics")[1].splitlines()
    return max((float(line.split()[1]) for line in lines if line.startswith(name)), default=0.0)
