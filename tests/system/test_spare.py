"""Leader, spare and watchdog together: takeovers, operators' wishes and deploys of the real bot."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest

from bot.settings import BotSettings
from tests.system.conftest import Make
from tests.system.installation import Installation, until
from tests.system.roles import leader, wait_leader, wait_spare

BOTS = Path(__file__).parent / "bots"
T = 2.0  # HUNG_AFTER_S of the tests


def wait_paired(installation: Installation, *, not_pid: int = 0) -> tuple[int, int]:
    """Answer the pids of leader and spare, once the watchdog calls both well."""
    lead = wait_leader(installation, not_pid=not_pid).pid
    wait = wait_spare(installation, not_pid=not_pid).pid

    def judged() -> bool:
        health = installation.healthz()[1]
        processes = health.get("processes", ())
        roles = {each["role"]: each["pid"] for each in processes if each["verdict"] == "healthy"}
        return health.get("verdict") == "healthy" and roles == {"leader": lead, "spare": wait}

    until(judged, "the watchdog sees both", within_s=20)
    return lead, wait


@pytest.fixture
def pair(make_installation: Make) -> Installation:
    """An installation that serves and has a warm spare; its bot has a command for each fault."""
    installation = make_installation(PLUGINS="bot.plugins.general,faulty")
    shutil.copy(BOTS / "faulty.py", installation.folder)
    installation.start_simulator()
    installation.start_supervisord()
    wait_paired(installation)
    return installation


def test_a_killed_leader_costs_one_restart_and_no_login(pair: Installation) -> None:
    """The spare answers, the dead program is the spare, and the metrics say so."""
    lead, spare = wait_paired(pair)
    pair.kill(lead)

    assert pair.say("!ping one") == "pong one"
    assert wait_paired(pair, not_pid=lead)[0] == spare
    until(lambda: len(pair.records("incidents.jsonl")) == 2, "the incident is closed")
    health, metrics = pair.healthz()[1], pair.http("/metrics")[1].decode()
    told = pair.run(*pair.python("watchdog", "status"))[1]
    assert pair.identifies() == 1
    assert (health["restarts"]["in_window"], health["takeovers"]) == (1, 1)
    assert [r["outcome"] for r in pair.records("incidents.jsonl")] == ["open", "recovered"]
    assert 'novera_process_role{program="spare",role="leader"} 1.0' in metrics
    assert "novera_spare_up 1.0" in metrics
    assert "Takeover " in told


def test_a_takeover_imports_nothing(make_installation: Make) -> None:
    """The spare has imported all that Novera as people run it needs, and its database too."""
    plugins = ("importing", *BotSettings.model_fields["plugins"].default)
    installation = make_installation(PLUGINS=",".join(plugins))
    shutil.copy(BOTS / "importing.py", installation.folder)
    installation.start_simulator()
    installation.start_supervisord()
    lead, spare = wait_paired(installation)
    assert installation.say("!timezone").startswith("Your time zone")  # the tables are made
    killed_at_s = time.monotonic()
    installation.kill(lead)

    assert installation.say("!ping one") == "pong one"
    assert installation.say("!timezone").startswith("Your time zone")
    assert wait_leader(installation, not_pid=lead).pid == spare
    told = (installation.folder / f"imports-{spare}.txt").read_text(encoding="utf-8")
    imports = [line.split() for line in told.splitlines()]
    assert [name for at_s, name in imports if float(at_s) > killed_at_s] == []
    assert len(imports) > 100


def test_a_hung_leader_is_followed_within_its_limit(pair: Installation) -> None:
    """FAULTS 4: T, half a second to be sure and to take the stack, and the takeover."""
    lead, _ = wait_paired(pair)
    began_s = time.monotonic()
    pair.simulator.say("!nap 600")
    # What comes in one breath with it is suspected as well, and waits for its turn.
    until(lambda: (beat := pair.beat()) and beat.loop.pulse_age_s > 0.3, "it hangs")

    assert pair.say("!ping two") == "pong two"
    took_s = time.monotonic() - began_s
    until(lambda: pair.records("incidents.jsonl"), "the incident is on record")
    ended = [each for each in pair.records("watchdog.jsonl") if each["event"] == "bot.ended"]
    # The new leader gets the nap last, and hangs in its turn; by then it has answered.
    assert (ended[0]["pid"], ended[0]["cause"]) == (lead, "pulse_stopped")
    assert took_s < 2 * T  # bench/takeover.py has the real times


def test_a_stop_of_bot_ends_the_service_also_when_spare_leads(pair: Installation) -> None:
    """FAULTS 64: nobody takes over, nobody is called; `start bot` is answered at once."""
    lead, _ = wait_paired(pair)
    pair.kill(lead, signal.SIGTERM)
    wait_paired(pair, not_pid=lead)
    pair.supervisorctl("stop", "bot")
    until(lambda: pair.verdict() == "stopped" and leader(pair) is None, "it is stopped")
    time.sleep(2)  # in which nobody may take over

    assert (pair.verdict(), leader(pair)) == ("stopped", None)
    assert pair.records("incidents.jsonl") == []
    pair.supervisorctl("start", "bot")
    assert pair.say("!ping three") == "pong three"


def test_a_deploy_replaces_both_without_a_login(pair: Installation) -> None:
    """What is said meanwhile is answered; the new leader is a new process."""
    before = set(wait_paired(pair))
    pair.simulator.say("!ping before")

    code, told = pair.run(*pair.python("watchdog", "deploy"), timeout_s=60)

    assert (code, "leads" in told) == (0, True), told
    assert pair.say("!ping after") == "pong after"
    assert wait_leader(pair).pid not in before
    assert pair.identifies() == 1
    assert pair.records("incidents.jsonl") == []


def test_new_code_that_does_not_start_is_not_deployed(pair: Installation) -> None:
    """The old leader serves on, untouched."""
    lead, _ = wait_paired(pair)
    pair.write_env(PRIVILEGED_INTENTS="everything")

    code, told = pair.run(*pair.python("watchdog", "deploy"), timeout_s=60)

    assert (code, "does not get warm" in told) == (1, True), told
    assert "PRIVILEGED_INTENTS" in told
    assert pair.say("!ping on") == "pong on"
    assert wait_leader(pair).pid == lead
