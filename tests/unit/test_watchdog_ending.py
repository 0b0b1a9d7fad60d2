"""The table of exit codes."""

from __future__ import annotations

from typing import Any

import pytest

from watchdog.restart.ending import Ending, Intervention, respond

HUNG = Intervention(verdict="hung", kind="pulse_stopped", counted=True)
MEMORY = Intervention(verdict="degraded", kind="memory_high", counted=False)


@pytest.mark.parametrize(
    ("facts", "answer", "cause"),
    [
        pytest.param({"state": "STOPPED"}, "stay_down", "operator", id="operator"),
        pytest.param({"state": "STOPPED", "intervention": HUNG}, "stay_down", "operator",
                     id="operator, while the watchdog killed it"),
        pytest.param({"exit_status": 0}, "stay_down", "exit 0", id="exit 0"),
        pytest.param({"exit_status": 0, "asked": False}, "by_policy", "exit 0",
                     id="exit 0 that nobody asked for"),
        pytest.param({"exit_status": 26}, "at_once", "restart_asked", id="exit 26"),
        pytest.param({"exit_status": 143}, "at_once", "SIGTERM", id="exit 143"),
        pytest.param({"exit_status": 130}, "at_once", "SIGINT", id="exit 130"),
        pytest.param({"exit_status": 75}, "at_retry", "temporary", id="exit 75"),
        pytest.param({"exit_status": 78}, "never", "exit 78", id="exit 78"),
        pytest.param({"exit_status": 78, "intervention": HUNG}, "never", "exit 78",
                     id="exit 78 as it was to be killed"),
        pytest.param({"exit_status": 1}, "by_policy", "exit 1", id="exit 1"),
        pytest.param({"exit_status": 127}, "by_policy", "exit 127", id="not spawned"),
        pytest.param({"exit_status": -1, "signal": "SIGSEGV"}, "by_policy", "SIGSEGV",
                     id="SIGSEGV"),
        pytest.param({"exit_status": -1, "signal": "SIGKILL"}, "by_policy", "SIGKILL",
                     id="SIGKILL"),
        pytest.param({"exit_status": -1, "signal": "SIGTERM"}, "at_once", "SIGTERM",
                     id="SIGTERM before its handler"),
        pytest.param({"exit_status": -1}, "by_policy", "signal", id="a signal nobody names"),
        pytest.param({"exit_status": None}, "by_policy", "signal", id="nothing known"),
        pytest.param({"exit_status": -1, "signal": "SIGKILL", "out_of_memory": True}, "by_policy",
                     "out_of_memory", id="killed for memory"),
        pytest.param({"exit_status": -1, "signal": "SIGSEGV", "out_of_memory": True}, "by_policy",
                     "SIGSEGV", id="somebody else was killed for memory"),
        pytest.param({"exit_status": -1, "signal": "SIGKILL", "intervention": HUNG}, "by_policy",
                     "pulse_stopped", id="killed for a hang"),
        pytest.param({"exit_status": 143, "intervention": MEMORY}, "at_once", "memory_high",
                     id="ended for memory"),
        pytest.param({"exit_status": 0, "intervention": MEMORY}, "at_once", "memory_high",
                     id="ended for memory, with 0"),
        pytest.param({"state": "FATAL"}, "by_policy", "start_failed", id="could not be started"),
    ],
)  # fmt: skip
def test_an_ending_has_one_answer(facts: dict[str, Any], answer: str, cause: str) -> None:
    """Exit codes, signals, and why the watchdog ended it."""
    response = respond(Ending(**({"state": "EXITED"} | facts)))

    assert (response.answer, response.cause) == (answer, cause)
