"""The small deciding parts: who may be signalled, what a log line says, what is told when."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.watchdog_sights import RUNNING, WHO
from watchdog.health.liveness import Judgement
from watchdog.health.observation import ProcessSight, ProgramSight
from watchdog.heartbeat.identity import Identity
from watchdog.incidents.notices import AGAIN_S, Notice, conditions, review
from watchdog.process.refusal import refusal
from watchdog.supervisord.log_lines import last_end

SUPERVISORD, OWN = 77, 88


def refuse(
    *, who: Identity = WHO, seen: dict[str, Any] | None = None, program: ProgramSight = RUNNING
) -> str | None:
    """Ask about the bot, as it is unless told otherwise."""
    facts: dict[str, Any] = {"identity": who, "parent_pid": SUPERVISORD} | (seen or {})
    process = None if seen == {"gone": True} else ProcessSight(**facts)
    return refusal(who, process, program, supervisord_pid=SUPERVISORD, own_pid=OWN)


def test_the_bot_may_be_signalled() -> None:
    """Pid and start time match, supervisord names it and is its parent."""
    assert refuse() is None


@pytest.mark.parametrize(
    ("pid", "reason"),
    [
        pytest.param(0, "not_a_process", id="the own group"),
        pytest.param(-1, "not_a_process", id="everybody"),
        pytest.param(1, "not_a_process", id="init"),
        pytest.param(OWN, "the_watchdog", id="the watchdog"),
        pytest.param(SUPERVISORD, "supervisord", id="supervisord"),
    ],
)
def test_some_pids_are_never_signalled(pid: int, reason: str) -> None:
    """Even if supervisord named them."""
    program = ProgramSight(state="RUNNING", pid=pid)

    assert refuse(who=Identity(pid=pid, started=1.0), program=program) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"seen": {"identity": Identity(pid=WHO.pid, started=999.0)}}, "pid_reused",
                     id="a stranger with the same pid"),
        pytest.param({"seen": {"gone": True}}, "gone", id="gone"),
        pytest.param({"seen": {"parent_pid": 5}}, "not_supervisords_child", id="another's child"),
        pytest.param({"seen": {"tracer_pid": 5}}, "debugger_attached", id="debugged"),
        pytest.param({"program": ProgramSight(state="RUNNING", pid=5)},
                     "supervisord_names_another", id="another pid"),
        pytest.param({"program": ProgramSight(state="STOPPING", pid=WHO.pid)}, "program_stopping",
                     id="an operator stops it"),
        pytest.param({"program": ProgramSight(state="EXITED", pid=0)}, "program_exited",
                     id="ended"),
    ],
)  # fmt: skip
def test_a_process_that_is_not_proven_to_be_the_bot_is_left_alone(
    change: dict[str, Any], reason: str
) -> None:
    """Each proof is needed."""
    assert refuse(**change) == reason


LOG = """\
7,1 INFO spawned: 'bot' with pid 41
2026-01-01 00:00:01,000 WARN exited: bot (terminated by SIGSEGV (core dumped); not expected)
2026-01-01 00:00:02,000 INFO spawned: 'bot' with pid 42
2026-01-01 00:00:02,000 INFO exited: watchdog (terminated by SIGHUP; not expected)
"""


@pytest.mark.parametrize(
    ("added", "pid", "signal"),
    [
        pytest.param("WARN exited: bot (terminated by SIGKILL; not expected)", 42, "SIGKILL",
                     id="killed"),
        pytest.param("WARN stopped: bot (terminated by SIGTERM)", 42, "SIGTERM", id="stopped"),
        pytest.param("WARN exited: bot (exit status 1; not expected)", 42, None, id="exited"),
        pytest.param("WARN exited: bot (terminated by signal 64; not expected)", 42, "signal 64",
                     id="a signal without a name"),
    ],
)  # fmt: skip
def test_the_last_end_of_the_process_is_read(added: str, pid: int, signal: str | None) -> None:
    """By supervisord's own words."""
    found = last_end(LOG + added, program="bot", pid=pid)

    assert found is not None
    assert found.signal == signal
    assert found.line == added


@pytest.mark.parametrize(
    ("text", "pid"),
    [
        pytest.param("", 42, id="empty"),
        pytest.param(LOG, 42, id="its end is not written yet"),
        pytest.param(LOG + "exited: bot (terminated by SIGKILL; not expected)", 43, id="another's"),
        pytest.param("\x00" * 5000 + "exited: bot (" + "x" * 5000, 42, id="garbage"),
    ],
)
def test_an_end_that_is_not_there_is_not_made_up(text: str, pid: int) -> None:
    """The cause is then unknown."""
    assert last_end(text, program="bot", pid=pid) is None


def tell(conditions: dict[str, str], polls: int, notices: dict[str, Notice]) -> list[str]:
    """Review *polls* times; answer what was told."""
    told: list[str] = []
    for _ in range(polls):
        after, now = review(notices, conditions, worth_s=0.5)
        notices.clear()
        notices.update(after)
        told += now
    return told


def test_what_lasts_is_told_once() -> None:
    """Not at every poll, and not before it lasts."""
    notices: dict[str, Notice] = {}

    early = tell({"slow_loop": "x"}, 19, notices)
    later = tell({"slow_loop": "x"}, 10_000, notices)

    assert (early, later) == ([], ["slow_loop"])


def test_what_comes_and_goes_is_told_hourly_at_most() -> None:
    """A condition that flickers is not news each time."""
    notices: dict[str, Notice] = {}
    told = []
    for _ in range(4 * int(AGAIN_S) // 30):
        told += tell({"slow_loop": "x"}, 40, notices)
        told += tell({}, 20, notices)

    assert 2 <= len(told) <= 5


@pytest.mark.parametrize(
    ("judgement", "reasons"),
    [
        pytest.param(Judgement(verdict="healthy", reason="serving"), set(), id="healthy"),
        pytest.param(Judgement(verdict="degraded", reason="slow_loop"), {"slow_loop"}, id="slow"),
        pytest.param(Judgement(verdict="backing_off", reason="x"), {"backing_off"}, id="waits"),
        pytest.param(Judgement(verdict="held", reason="debugger_attached"), {"debugger_attached"},
                     id="debugger"),
        pytest.param(Judgement(verdict="held", reason="exit 1"), set(), id="told by the incident"),
        pytest.param(Judgement(verdict="healthy", reason="", warnings=("supervisord_timeout",)),
                     {"supervisord"}, id="supervisord is silent"),
        pytest.param(
            Judgement(verdict="stopped", reason="", warnings=("supervisord_shutting_down",)), set(),
            id="supervisord is told to end"),
    ],
)  # fmt: skip
def test_conditions_that_restart_nothing_are_told(judgement: Judgement, reasons: set[str]) -> None:
    """What an incident tells is not told twice."""
    assert set(conditions(judgement)) == reasons
