"""REST fails, limits or refuses: commands end in time, logins wait, the operator is told once."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.faults import Gateway
from tests.integration.webhook_stand_in import Webhook, answer, webhook
from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.installation import Installation, until
from tests.system.quiet import assert_untouched, serving, wait_backing_off

LIMIT_S = 3
STOPPED = f"longer than {LIMIT_S} s"
# fault, its parameters, and what the user reads in the end
TROUBLES: list[tuple[str, dict[str, Any], str]] = [
    ("fail_rest", {"status": 500, "times": 1}, "pong"),
    ("fail_rest", {"status": 502, "times": 1}, "pong"),
    ("fail_rest", {"status": 503, "times": 1}, "pong"),
    ("drop_rest", {"when": "before", "times": 1}, "pong"),
    ("drop_rest", {"when": "after", "times": 1}, "pong"),  # Discord has it, and never said so
    ("fail_rest", {"status": 500, "for_s": LIMIT_S - 0.5}, STOPPED),  # it waits 3 s by then
    ("fail_rest", {"status": 503, "for_s": LIMIT_S}, "Discord has trouble"),
    ("drop_rest", {"when": "before", "for_s": LIMIT_S}, "Something went wrong"),
    ("slow_rest", {"delay_s": 60, "times": 1}, STOPPED),
]


def is_idle(installation: Installation, *, after: int) -> bool:
    """Answer whether a beat behind number *after* tells of no message at work."""
    beat = installation.beat()
    if beat is None or beat.sequence <= after + 1:
        return False
    handling = beat.tasks.by_name.get("discord.py: on_message")
    return handling is None or not handling.active


@fault(
    28,
    "REST: 500, 502, 503, timeouts, resets",
    answer="tried again within the command's time; past it the command ends and its user is told;"
    " nothing is sent twice",
)
@pytest.mark.slow
def test_fault_28_rest_fails(make_installation: Make) -> None:
    """Every command is answered, by itself or by what went wrong, and each once."""
    installation = make_installation(COMMAND_TIMEOUT_S=LIMIT_S)
    serving(installation)
    simulator, pid = installation.simulator, installation.bot_pid()

    replies = []
    for number, (name, parameters, _) in enumerate(TROUBLES):
        simulator.fault(name, method="POST", path="*/messages", **parameters)
        replies.append(installation.say(f"!ping number {number}", within_s=20))
        simulator.clear_faults()
        # The handler of what "Discord has, and never said so" asks again: in this trouble, not the
        # next one.
        before = installation.wait_ready().sequence
        until(partial(is_idle, installation, after=before), "the handler has ended")
    expected = [
        f"pong number {number}" if words == "pong" else words
        for number, (_, _, words) in enumerate(TROUBLES)
    ]
    said = Counter(message["content"] for message in simulator.messages())

    assert [pair for pair in zip(expected, replies, strict=True) if pair[0] not in pair[1]] == []
    assert set(said.values()) == {1}
    assert len(said) == 2 * len(TROUBLES)  # a question and an answer each
    assert_untouched(installation, pid)


@fault(
    29,
    "global 429 while a command is cancelled",
    answer="later calls wait as long as Discord asked for, and work",
)
def test_fault_29_cancelled_in_a_global_limit(make_installation: Make) -> None:
    """discord.py alone would hang at every later call."""
    installation = make_installation(COMMAND_TIMEOUT_S=1)
    serving(installation)
    installation.simulator.fault("global_429", retry_after_s=3, times=1, path="*/messages")

    installation.simulator.say("!ping lost")
    until(lambda: (b := installation.beat()) and b.commands.timed_out == 1, "it is cancelled")

    told = installation.simulator.wait_for_message(timeout_s=10)  # when the limit is over
    assert "longer than 1 s" in told["content"]
    assert installation.say("!ping hello") == "pong hello"


@fault(
    30,
    "Cloudflare ban; login 429 with Retry-After 3600",
    answer="waits alive; the time is on disk, and a new process asks nothing before it",
)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reason"), [("cloudflare_ban", "cloudflare_ban"), ("login_429", "rate_limited")]
)
def test_fault_30_ban(installation: Installation, name: str, reason: str) -> None:
    """A restart is no way around a wait that Discord asked for."""
    installation.start_simulator().fault(name, retry_after_s=3600)
    installation.start_supervisord()
    pid = wait_backing_off(installation, reason).pid
    asked = len(installation.simulator.rest_log())

    installation.kill(pid)
    until(lambda: installation.program_pid("bot") not in (None, pid), "there is a new process")
    until(lambda: (b := installation.beat()) and b.pid != pid and b.state == "backing_off", "waits")
    beat = wait_backing_off(installation, reason)
    installation.wait_polls(3)

    assert beat.pid != pid
    assert len(installation.simulator.rest_log()) == asked
    assert beat.gateway.retry_at_s is not None
    assert beat.gateway.retry_at_s - time.time() > 3000


@fault(
    31,
    "wrong token, revoked token, missing intent",
    answer="exit 78, one alert with what to do; not tried again until `.env` changes, then once",
)
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param("wrong_token", "DISCORD_TOKEN", id="wrong token"),
        pytest.param("revoked_token", "DISCORD_TOKEN", id="revoked", marks=pytest.mark.slow),
        pytest.param("missing_intent", "intent", id="missing intent", marks=pytest.mark.slow),
    ],
)
def test_fault_31_operator_must_mend(make_installation: Make, name: str, advice: str) -> None:
    """What only the operator can mend is told, and no login is spent on hope."""
    with webhook(answer(204)) as hook:
        installation = make_installation(ALERT_WEBHOOK_URL=hook.url)
        if name == "revoked_token":
            gateway = serving(installation)
            installation.simulator.fault("wrong_token")
            gateway.close(4004)
        else:
            installation.start_simulator().fault(name)
            installation.start_supervisord()
        wait_failed(installation, hook, advice, exits=1)
        tries = logins(installation)

        installation.write_env(COMMAND_TIMEOUT_S=20)  # a change, and no cure
        wait_failed(installation, hook, advice, exits=2)
        assert logins(installation) == tries + 1

        installation.simulator.clear_faults()
        installation.write_env(COMMAND_TIMEOUT_S=21)
        installation.wait_ready()
        assert installation.say("!ping hello") == "pong hello"


def logins(installation: Installation) -> int:
    """Answer how often anybody showed Discord the token."""
    return len(installation.simulator.rest_log(path="*/users/@me"))


def wait_failed(installation: Installation, hook: Webhook, advice: str, *, exits: int) -> None:
    """Wait until the *exits*-th bot has failed for good; fail unless it was told, and rests."""

    def ended() -> list[dict[str, Any]]:
        records = installation.records("bot.jsonl")
        return [r for r in records if r["event"] == "bot.stopped" and r["exit_code"] == 78]

    until(lambda: len(ended()) >= exits and installation.verdict() == "failed", "it has failed")
    until(lambda: len(hook.all_titles) >= exits, "it is told")
    before = logins(installation)
    installation.wait_polls(2)
    status, health = installation.healthz()
    text = str(hook.bodies[-1])

    assert status == 503
    assert advice in health["advice"]
    assert advice in text
    assert len(hook.all_titles) == len(ended()) == exits
    assert all("can't run" in title for title in hook.all_titles)
    assert logins(installation) == before
    assert installation.program_pid("bot") is None


@fault(
    32,
    "no logins left (`session_start_limit.remaining` = 0)",
    answer="no login before `reset_after`; alive, state `backing_off`, told on /healthz",
)
@pytest.mark.slow
def test_fault_32_no_logins_left(installation: Installation) -> None:
    """One IDENTIFY too many would reset the token."""
    simulator, reset_after_s = installation.start_simulator(), 8.0
    set_at_s = time.monotonic()
    simulator.session_start_limit(remaining=0, reset_after_s=reset_after_s)
    installation.start_supervisord()
    beat = wait_backing_off(installation, "session_start_limit")
    health = installation.healthz()[1]

    installation.wait_ready()
    identified = simulator.gateway_log(event="identify")

    assert "identify_budget" in health["warnings"]
    assert beat.gateway.retry_at_s is not None
    assert [each["at_s"] >= set_at_s + reset_after_s for each in identified] == [True]
    assert simulator.stats()["gateway"]["token_resets"] == 0
    assert installation.say("!ping hello") == "pong hello"
    assert_untouched(installation, beat.pid)


@fault(
    33,
    "5xx at login for longer than a start may take",
    answer="waits that grow within the process, state `backing_off`; no restart; it serves when"
    " Discord does",
)
@pytest.mark.slow
def test_fault_33_login_fails(make_installation: Make) -> None:
    """An outage of Discord's is no failure of the bot's."""
    installation = make_installation(STARTUP_TIMEOUT_S=5)
    simulator = installation.start_simulator()
    simulator.fault("fail_rest", status=500)
    installation.start_supervisord()
    pid = wait_backing_off(installation, "http_500").pid
    until(lambda: installation.healthz()[1]["uptime_s"] > 7, "a start is overdue", within_s=20)
    tries = len(simulator.rest_log())
    assert_untouched(installation, pid)

    simulator.clear_faults()
    installation.wait_ready()

    assert tries <= 5  # at 0 s, and after waits of at least 1, 2 and 4 s
    assert installation.say("!ping hello") == "pong hello"
    assert Gateway(simulator).count("identify") == 1
    assert_untouched(installation, pid)
