"""Leader and spare under people who talk: nobody waits in vain, whoever dies or is stopped."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.system.conftest import Make
from tests.system.installation import Installation, until
from tests.system.roles import leader, spare, wait_leader, wait_spare

BOTS = Path(__file__).parent / "bots"
LATER_S = 12.0  # what the watchdog may take on a busy machine


@pytest.fixture
def pair(make_installation: Make) -> Installation:
    """An installation of the counting bot with a leader and a warm spare."""
    installation = make_installation(BOT_FACTORY="counting:bot", FORGIVEN_AFTER_S=1)
    shutil.copy(BOTS / "counting.py", installation.folder)
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    wait_spare(installation)
    return installation


def gone(installation: Installation, pid: int) -> bool:
    """Answer whether the process has ended."""
    return pid not in {process.pid for process in installation.processes()}


def state_of(installation: Installation, program: str) -> str:
    """Answer supervisord's word for a program's state."""
    lines = [line.split() for line in installation.supervisorctl("status").splitlines()]
    return next(words[1] for words in lines if words[0] == program)


def answers(installation: Installation, number: int) -> bool:
    """Answer whether the bot answers one more message."""
    return installation.say(f"n {number}") == f"got {number}"


def swap(installation: Installation) -> None:
    """Have the other program lead."""
    led = wait_leader(installation).pid
    os.kill(led, signal.SIGKILL)
    wait_leader(installation, not_pid=led)
    wait_spare(installation, not_pid=led)


def test_the_two_programs_follow_each_other(pair: Installation) -> None:
    """Each death costs milliseconds and no login; the dead one comes back as the spare."""
    for number in range(3):
        led, waited = wait_leader(pair).pid, wait_spare(pair).pid
        os.kill(led, signal.SIGKILL)
        assert answers(pair, number)
        assert wait_leader(pair, not_pid=led).pid == waited
        wait_spare(pair, not_pid=led)

    assert pair.identifies() == 1
    assert (state_of(pair, "bot"), state_of(pair, "spare")) == ("RUNNING", "RUNNING")


def test_a_deploy_has_no_gap(pair: Installation) -> None:
    """The new code leads, the old one is there in case it fails; every message is answered soon."""
    led, waited = wait_leader(pair).pid, wait_spare(pair).pid
    pair.simulator.load(rate_per_s=20, messages=160)

    code, told = pair.run(*pair.python("watchdog", "deploy"), timeout_s=60)
    tally = pair.simulator.tally(timeout_s=20)
    leads = wait_leader(pair).pid

    assert code == 0, told
    assert (tally["lost_numbers"], tally["twice_numbers"]) == ([], [])
    assert tally["silence_s"] < 1
    assert leads not in (led, waited)
    assert wait_spare(pair).pid == led
    assert pair.identifies() == 1


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="killed"),
        pytest.param(signal.SIGSTOP, id="frozen"),
    ],
)
def test_a_spare_that_fails_is_replaced_and_the_leader_serves_on(
    pair: Installation, number: signal.Signals
) -> None:
    """Nobody who talks with the bot notices."""
    led, waited = wait_leader(pair).pid, wait_spare(pair).pid

    os.kill(waited, number)
    until(lambda: gone(pair, waited), "the old spare is gone", within_s=LATER_S)
    wait_spare(pair, not_pid=waited)

    assert answers(pair, 1)
    assert wait_leader(pair).pid == led
    until(lambda: pair.verdict() == "healthy", "all is well again")


def test_without_its_spare_the_service_says_so(pair: Installation) -> None:
    """An operator who stops the spare sees what that means."""
    pair.supervisorctl("stop", "spare")

    until(
        lambda: pair.verdict() == "degraded" or pair.healthz()[1].get("warnings"),
        "the status tells of it",
        within_s=LATER_S,
    )
    assert answers(pair, 1)
    pair.supervisorctl("start", "spare")
    wait_spare(pair)
    until(lambda: not pair.healthz()[1].get("warnings"), "all is well again", within_s=LATER_S)


def test_both_that_are_killed_at_once_start_cold_and_resume(pair: Installation) -> None:
    """The session outlives all processes."""
    for pid in (wait_leader(pair).pid, wait_spare(pair).pid):
        os.kill(pid, signal.SIGKILL)

    assert pair.say("n 1", within_s=20) == "got 1"
    assert pair.identifies() == 1


@pytest.mark.parametrize(
    "leads", [pytest.param("bot", id="bot leads"), pytest.param("spare", id="spare leads")]
)
def test_what_is_said_while_the_service_is_stopped_is_answered_at_its_start(
    pair: Installation, leads: str
) -> None:
    """`supervisorctl stop bot` stops the service, whichever program leads; nobody takes over."""
    if leads == "spare":
        swap(pair)

    pair.supervisorctl("stop", "bot")
    until(lambda: leader(pair) is None, "nobody leads", within_s=LATER_S)
    until(lambda: pair.verdict() == "stopped", "it is called stopped", within_s=LATER_S)
    said = pair.simulator.say("n 1", wait_s=1.5)
    state = state_of(pair, "bot")
    pair.supervisorctl("start", "bot")

    assert (said["reply"], state) == (None, "STOPPED")
    assert pair.simulator.wait_for_message(after=said["id"], timeout_s=15)["content"] == "got 1"
    assert pair.identifies() == 1


def test_a_spare_that_leads_and_is_stopped_hands_over(pair: Installation) -> None:
    """`supervisorctl stop spare` is about the program, not about the service."""
    swap(pair)
    waiting = wait_spare(pair).pid

    pair.supervisorctl("stop", "spare")

    assert answers(pair, 1)
    assert wait_leader(pair).pid == waiting
    assert pair.identifies() == 1


def test_without_standby_there_is_no_spare(make_installation: Make) -> None:
    """Its program ends at once, with 0, and nothing is degraded by that."""
    installation = make_installation(STANDBY="false")
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()

    until(lambda: state_of(installation, "spare") == "EXITED", "the spare has ended")
    assert spare(installation) is None
    assert installation.verdict() == "healthy"
    assert installation.say("!ping alone") == "pong alone"
