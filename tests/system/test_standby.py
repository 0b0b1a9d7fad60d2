"""A leader and its spare as two processes of the bot, with nobody who starts or judges them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping

import pytest

from tests.system.installation import Installation, until
from tests.system.roles import wait_leader, wait_spare
from watchdog.heartbeat import schema

BOT = {"SUPERVISOR_ENABLED": "1", "SUPERVISOR_PROCESS_NAME": "bot"}
SPARE = {"SUPERVISOR_ENABLED": "1", "SUPERVISOR_PROCESS_NAME": "spare"}

Process = subprocess.Popen[bytes]


def start(installation: Installation, program: Mapping[str, str]) -> Process:
    """Start a bot as supervisord starts *program*."""
    return installation.start(*installation.python("bot"), env=program)


@pytest.fixture
def pair(installation: Installation) -> tuple[Installation, Process, Process]:
    """An installation with a leader that serves, and a spare that is warm."""
    installation.start_simulator()
    leader, spare = start(installation, BOT), start(installation, SPARE)
    assert wait_leader(installation).pid == leader.pid
    assert wait_spare(installation).pid == spare.pid
    return installation, leader, spare


def test_the_program_bot_leads_though_both_start_at_once(
    pair: tuple[Installation, Process, Process],
) -> None:
    """The spare holds no connection, and writes nothing but its beat."""
    installation, _, _ = pair

    assert installation.say("!ping one") == "pong one"
    assert installation.identifies() == 1
    assert installation.simulator.stats()["gateway"]["connections"] == 1


def test_a_killed_leader_is_followed_without_a_login(
    pair: tuple[Installation, Process, Process],
) -> None:
    """What was said in the moment of the death is answered by the spare, once."""
    installation, leader, spare = pair
    leader.kill()
    leader.wait()

    assert installation.say("!ping two") == "pong two"
    assert wait_leader(installation).pid == spare.pid
    assert wait_leader(installation).stages_s["lead"] == 0.0
    assert installation.identifies() == 1


def test_a_leader_that_stepped_down_leads_again_when_the_new_one_fails(
    pair: tuple[Installation, Process, Process],
) -> None:
    """A deploy goes back to the code that worked, without a login."""
    installation, leader, spare = pair
    leader.send_signal(signal.SIGUSR2)
    assert wait_leader(installation, not_pid=leader.pid).pid == spare.pid
    assert installation.say("!ping new") == "pong new"
    assert wait_spare(installation).pid == leader.pid
    spare.kill()
    spare.wait()

    assert installation.say("!ping old") == "pong old"
    assert wait_leader(installation).pid == leader.pid
    assert installation.identifies() == 1


def test_an_operators_stop_of_the_program_bot_stops_the_service(
    pair: tuple[Installation, Process, Process],
) -> None:
    """The spare stays warm and waits; the next start leads, and answers what was said meanwhile."""
    installation, leader, spare = pair
    leader.send_signal(signal.SIGINT)

    assert leader.wait(20) == 130
    until(
        lambda: any(r["event"] == "spare.stood_down" for r in installation.records("bot.jsonl")),
        "the spare gave the lock back",
    )
    installation.simulator.say("!ping meanwhile", wait_s=0.5)
    assert spare.poll() is None
    again = start(installation, BOT)
    assert wait_leader(installation).pid == again.pid
    until(
        lambda: (
            "pong meanwhile" in [m["content"] for m in installation.simulator.messages("general")]
        ),
        "what was said meanwhile is answered",
    )
    assert installation.identifies() == 1


def test_a_stop_of_the_program_spare_is_a_handover(
    pair: tuple[Installation, Process, Process],
) -> None:
    """It leads after the first death; stopped, it gives the lead to the program bot."""
    installation, leader, spare = pair
    leader.kill()
    leader.wait()
    assert wait_leader(installation).pid == spare.pid
    bot = start(installation, BOT)
    assert wait_spare(installation).pid == bot.pid
    spare.send_signal(signal.SIGINT)

    assert installation.say("!ping three") == "pong three"
    assert wait_leader(installation, not_pid=spare.pid).pid == bot.pid
    assert spare.wait(20) == 130


def test_sigterm_hands_over_at_once(pair: tuple[Installation, Process, Process]) -> None:
    """The spare answers while the old leader still cleans up; the session is kept."""
    installation, leader, spare = pair
    leader.terminate()

    assert installation.say("!ping four") == "pong four"
    assert wait_leader(installation, not_pid=leader.pid).pid == spare.pid
    assert leader.wait(20) == 143
    assert installation.identifies() == 1


def test_a_third_process_is_refused(pair: tuple[Installation, Process, Process]) -> None:
    """It waits for one of the two places, and says why it ends; neither of the two is disturbed."""
    installation, leader, spare = pair
    third = start(installation, BOT)
    until(
        lambda: any(r["event"] == "leadership.awaited" for r in installation.records("bot.jsonl")),
        "the third one waits",
    )
    third.terminate()

    assert third.wait(20) == 143
    assert wait_leader(installation).pid == leader.pid
    assert wait_spare(installation).pid == spare.pid


def test_where_no_spare_is_wanted_it_ends_well(installation: Installation) -> None:
    """With 0, before it has imported or asked anything; the program bot leads as ever."""
    installation.write_env(STANDBY="false")
    installation.start_simulator()
    leader, spare = start(installation, BOT), start(installation, SPARE)

    assert spare.wait(20) == 0
    assert wait_leader(installation).pid == leader.pid
    assert not (installation.state / "heartbeat-spare.json").exists()


def test_settings_that_broke_meanwhile_do_not_speak_for_the_leader(
    pair: tuple[Installation, Process, Process],
) -> None:
    """A process that can't start leaves its reason beside the leader's beat, not in its place."""
    installation, leader, _ = pair
    installation.write_env(COMMAND_TIMEOUT_S="abc")
    third = start(installation, BOT)

    assert third.wait(20) == 78
    assert wait_leader(installation).pid == leader.pid
    left = schema.decode((installation.state / "heartbeat-spare.json").read_bytes())
    assert left.pid in (third.pid, wait_spare(installation).pid)


def test_the_shutdown_command_keeps_the_spare_from_taking_over(
    pair: tuple[Installation, Process, Process],
) -> None:
    """It is for good: the session is ended with 1000, and nobody serves."""
    installation, leader, spare = pair
    installation.simulator.say("!shutdown", user="owner")

    assert leader.wait(20) == 0
    reason = json.loads((installation.state / "stood-down.json").read_bytes())["reason"]
    assert reason == "shutdown"
    assert spare.poll() is None
    assert installation.simulator.stats()["gateway"]["connections"] == 0
