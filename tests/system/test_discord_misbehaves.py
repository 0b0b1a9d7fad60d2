"""Discord is away, slow, wrong or strict: the bot waits patiently and nothing gets worse."""

from __future__ import annotations

import time

import pytest

from tests.system.conftest import Make
from tests.system.installation import Installation, until

PORTAL = {"wrong_token": "DISCORD_TOKEN", "missing_intent": "PRIVILEGED_INTENTS"}


@pytest.mark.parametrize("how", ["drop_tcp", "refuse"])
def test_a_lost_connection_is_resumed_without_a_restart(running: Installation, how: str) -> None:
    """FAULTS 22: reset or refused, the bot backs off alive and resumes its session."""
    pid = running.bot_pid()
    if how == "refuse":
        running.simulator.fault("refuse", for_s=3)
    running.simulator.fault("drop_tcp")
    if how == "refuse":
        until(lambda: (beat := running.beat()) and beat.state == "backing_off", "it backs off")
        until(lambda: running.verdict() == "backing_off", "and the watchdog says so")

    running.wait_ready()
    until(lambda: (beat := running.beat()) and beat.gateway.resumes == 1, "it resumed")

    assert running.say("!ping hello") == "pong hello"
    assert running.bot_pid() == pid
    assert running.simulator.stats()["gateway"]["identify"] == 1
    assert running.records("incidents.jsonl") == []


@pytest.mark.slow
def test_a_dead_name_server_is_waited_out(installation: Installation) -> None:
    """FAULTS 22: a name that nobody knows is no reason to end."""
    installation.write_env(
        DISCORD_API_URL="https://discord.invalid/api/v10", DISCORD_TOKEN="a-token-for-nobody"
    )
    installation.start_supervisord()
    until(lambda: installation.verdict() == "backing_off", "it waits", within_s=20)
    pid = installation.bot_pid()
    time.sleep(3)  # in which nobody may restart it

    assert installation.program_pid("bot") == pid
    assert installation.records("incidents.jsonl") == []


@pytest.mark.slow
def test_a_gateway_that_closes_after_hello_sees_few_connects(running: Installation) -> None:
    """FAULTS 23: closed at once for ever, the bot does not storm."""
    before = running.simulator.stats()["gateway"]["connect"]
    running.simulator.fault("close_after_hello", code=4000)
    running.simulator.fault("drop_tcp")

    time.sleep(10)  # the fault's own time: what is counted is what the bot does in it
    connects = running.simulator.stats()["gateway"]["connect"] - before
    running.simulator.clear_faults()

    assert 1 <= connects <= 6  # at most 10 in the first minute; the waits double
    assert running.records("incidents.jsonl") == []


@pytest.mark.parametrize(
    ("fault", "resumes"),
    [
        pytest.param("malformed_event", 0, id="fields missing"),
        pytest.param("unknown_event", 0, id="unknown", marks=pytest.mark.slow),
        pytest.param("huge_event", 0, id="huge"),
        pytest.param("not_json", 1, id="not JSON"),
        pytest.param("bad_zlib", 1, id="bad zlib", marks=pytest.mark.slow),
    ],
)
def test_a_bad_event_does_not_end_the_bot(running: Installation, fault: str, resumes: int) -> None:
    """FAULTS 27: set aside and counted; the connection lives on, or is resumed at most."""
    pid = running.bot_pid()

    running.simulator.fault(fault)
    if resumes:
        running.simulator.wait_for_gateway("resumed", timeout_s=10)

    assert running.say("!ping hello") == "pong hello"
    assert running.bot_pid() == pid
    assert running.simulator.stats()["gateway"]["identify"] == 1
    if fault == "malformed_event":
        until(lambda: (b := running.beat()) and b.gateway.quarantined_events == 1, "it is counted")
        assert len(running.records("quarantine.jsonl")) == 1


def test_a_command_cancelled_in_a_global_limit_leaves_later_ones_working(
    make_installation: Make,
) -> None:
    """FAULTS 29: discord.py alone would hang at every later call."""
    installation = make_installation(COMMAND_TIMEOUT_S=1)
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    installation.simulator.fault("global_429", retry_after_s=3, times=1, path="*/messages")

    installation.simulator.say("!ping lost")
    until(lambda: (b := installation.beat()) and b.commands.timed_out == 1, "it is cancelled")

    told = installation.simulator.wait_for_message(timeout_s=10)  # when the limit is over
    assert "longer than 1 s" in told["content"]
    assert installation.say("!ping hello") == "pong hello"


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        pytest.param("wrong_token", "DISCORD_TOKEN", id="wrong token"),
        pytest.param("missing_intent", "intent", id="missing intent", marks=pytest.mark.slow),
    ],
)
def test_what_the_operator_must_mend_is_tried_once_and_again_when_mended(
    installation: Installation, fault: str, advice: str
) -> None:
    """FAULTS 31: exit 78, /healthz says what to do, no retry until `.env` changes, then one."""
    installation.start_simulator()
    installation.simulator.fault(fault)
    installation.start_supervisord()
    until(lambda: installation.verdict() == "failed", "it has failed for good", within_s=20)
    logins = len(installation.simulator.rest_log(path="*/users/@me"))
    time.sleep(3)  # in which nothing may be tried
    status, health = installation.healthz()

    assert status == 503
    assert advice in health["advice"]
    assert installation.program_pid("bot") is None
    assert len(installation.simulator.rest_log(path="*/users/@me")) == logins

    installation.simulator.clear_faults()
    installation.write_env(COMMAND_PREFIX="!")

    installation.wait_ready()
    assert installation.say("!ping hello") == "pong hello"


def test_a_revoked_token_fails_for_good(running: Installation) -> None:
    """FAULTS 31: a token that was good when the bot started."""
    running.simulator.fault("wrong_token")
    running.simulator.fault("close", code=4004)

    until(lambda: running.verdict() == "failed", "it has failed for good", within_s=20)

    assert "token" in running.healthz()[1]["advice"].lower()
    assert running.program_pid("bot") is None


@pytest.mark.slow
def test_a_ban_is_waited_out_alive_and_remembered_by_the_next_process(
    installation: Installation,
) -> None:
    """FAULTS 30: `retry_at` survives a restart, which asks Discord nothing before it."""
    installation.start_simulator()
    installation.simulator.fault("cloudflare_ban", retry_after_s=3600)
    installation.start_supervisord()
    until(lambda: installation.verdict() == "backing_off", "it waits", within_s=20)
    asked = len(installation.simulator.rest_log())
    pid = installation.bot_pid()

    installation.kill(pid)
    until(lambda: installation.program_pid("bot") not in (None, pid), "there is a new process")
    until(lambda: (b := installation.beat()) and b.pid != pid and b.state == "backing_off", "waits")
    beat = installation.beat()

    assert len(installation.simulator.rest_log()) == asked
    assert beat is not None
    assert beat.gateway.retry_at_s is not None
    assert beat.gateway.retry_at_s - time.time() > 3000
