"""The gateway is away, silent, slow or wrong: the bot keeps its session, and nothing gets worse."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import pytest

from bot.gateway import close_codes
from tests.faults import Gateway
from tests.integration.webhook_stand_in import answer, webhook
from tests.system.conftest import Make, Measured
from tests.system.fault_rows import fault
from tests.system.installation import Installation, until
from tests.system.quiet import (
    assert_untouched,
    loud_lines,
    serving,
    wait_backing_off,
)

COUNTING = "tests.system.bots.counting:bot"
# The simulator itself must not be the one that ends a connection whose client is slow.
PATIENT = ("--heartbeat-grace", "100")


@fault(
    20,
    "no ACKs while events go on",
    answer="closed with 4000 after two missed ACKs (heartbeats 1 s apart here), then resumed; no"
    " restart, nothing missed or doubled",
    within_s=4.0,
)
@pytest.mark.slow
def test_fault_20_no_acks(make_installation: Make, measured: Measured) -> None:
    """Traffic proves nothing: a gateway that acknowledges no heartbeat is left."""
    installation = make_installation(BOT_FACTORY=COUNTING)
    gateway = serving(installation, "--heartbeat-interval-s", "1", *PATIENT)
    simulator, pid = installation.simulator, installation.bot_pid()
    index = simulator.stats()["gateway"]["log_index"]

    with gateway.no_acks("existing"):
        began_s = time.monotonic()
        simulator.load(rate_per_s=20, messages=100)
        resumed = simulator.wait_for_gateway("resumed", after=index, timeout_s=20)
    tally = simulator.tally(timeout_s=20)
    ends = simulator.gateway_log(after=index, event="disconnect")
    took_s = resumed["at_s"] - began_s

    assert [(end["code"], end["by_client"]) for end in ends] == [(close_codes.KEEPING, True)]
    assert took_s > 2  # one ACK that is late is not enough
    assert (tally["answered"], tally["lost"], tally["twice"]) == (100, 0, 0)
    assert gateway.count("identify") == 1
    assert_untouched(installation, pid)
    measured(took_s)


@fault(
    21,
    "gateway silent, TCP open",
    answer="resumed after the heartbeat timeout, no restart; a bot that does not notice (heartbeats"
    " 3.5 s apart, `ZOMBIE_AFTER_S=5`) is a `zombie` and restarted once in `ZOMBIE_GRACE_S`",
    within_s=9.0,
)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("interval_s", "restarts"),
    [
        pytest.param(1.0, 0, id="the bot notices"),
        pytest.param(3.5, 1, id="past the limit of a zombie"),
    ],
)
def test_fault_21_silent_gateway(
    make_installation: Make, measured: Measured, interval_s: float, restarts: int
) -> None:
    """The bot itself comes first, the watchdog's limit after it."""
    installation = make_installation(ZOMBIE_AFTER_S=5)
    gateway = serving(installation, "--heartbeat-interval-s", str(interval_s), *PATIENT)
    pid = installation.bot_pid()

    with gateway.silence("existing"):
        began_s = time.monotonic()
        resumed = installation.simulator.wait_for_gateway("resumed", timeout_s=30)
    assert installation.say("!ping hello") == "pong hello"

    assert gateway.count("identify") == 1
    if restarts:
        installation.wait_ready(not_pid=pid)
        assert_a_second_zombie_is_left_alone(installation, gateway)
    else:
        assert_untouched(installation, pid)
    measured(resumed["at_s"] - began_s)


def assert_a_second_zombie_is_left_alone(installation: Installation, gateway: Gateway) -> None:
    """Fail unless one restart followed the first silence, and none follows another one."""
    pid = installation.bot_pid()
    until(lambda: "recovered" in outcomes(installation), "the incident is closed")
    with gateway.silence("existing"):
        until(lambda: installation.verdict() == "zombie", "silent again", within_s=20)
        installation.wait_polls(3)
        assert installation.bot_pid() == pid
    health = installation.healthz()[1]

    assert installation.records("incidents.jsonl")[0]["kind"] == "zombie"
    assert health["restarts"]["in_window"] == 1


def outcomes(installation: Installation) -> list[str]:
    """Answer the outcomes in the journal of incidents."""
    return [record["outcome"] for record in installation.records("incidents.jsonl")]


@fault(
    22,
    "TCP reset, connection refused, name server dead",
    answer="state `backing_off`, waits that grow; no restart, no alert, a line a minute for each"
    " reason; it recovers by itself",
)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param("reset", id="reset"),
        pytest.param("refused", id="refused"),
        pytest.param("dns", id="no name", marks=pytest.mark.slow),
    ],
)
def test_fault_22_no_network(make_installation: Make, how: str) -> None:
    """A network that is away is waited for, alive and quietly."""
    with webhook(answer(204)) as hook:
        installation = make_installation(ALERT_WEBHOOK_URL=hook.url)
        if how == "dns":
            start_without_names(installation)
            pid = installation.bot_pid()
        else:
            gateway = serving(installation)
            pid = installation.bot_pid()
            with gateway.refuse() if how == "refused" else nullcontext():
                gateway.drop_tcp()
                if how == "refused":
                    wait_tries(installation, "refused")
            installation.simulator.wait_for_gateway("resumed", timeout_s=20)
            installation.wait_ready()
            assert installation.say("!ping hello") == "pong hello"
            assert gateway.count("identify") == 1
        installation.wait_polls(2)
        assert hook.all_titles == []
    lines = loud_lines(installation)

    assert_untouched(installation, pid)
    assert set(lines.values()) == {1}
    assert {event for event, _ in lines} <= {"gateway.backed_off", "login.backed_off"}


def start_without_names(installation: Installation) -> None:
    """Start a bot whose Discord has a name that nobody knows, and wait for two tries."""
    installation.write_env(
        DISCORD_API_URL="https://discord.invalid/api/v10", DISCORD_TOKEN="a-token-for-nobody"
    )
    installation.start_supervisord()
    wait_tries(installation, "dns")


def wait_tries(installation: Installation, reason: str) -> None:
    """Wait until the bot waits for *reason* a second time, until another moment."""
    moments = {wait_backing_off(installation, reason).gateway.retry_at_s}

    def waits_again() -> bool:
        beat = installation.beat()
        if beat is not None and beat.gateway.reason == reason:
            moments.add(beat.gateway.retry_at_s)
        return len(moments) >= 2

    until(waits_again, "another try", within_s=20)


@fault(
    23,
    "closed at once after HELLO",
    answer="waits of at least 1, 2, 4 … s: fewer than 10 connects in the first minute; the session"
    " is resumed when it ends",
)
@pytest.mark.slow
def test_fault_23_closed_after_hello(running: Installation) -> None:
    """A gateway that closes everybody is not stormed."""
    gateway, pid = Gateway(running.simulator), running.bot_pid()
    index = running.simulator.stats()["gateway"]["log_index"]

    with gateway.hang_up_after_hello(4000, times=3):
        gateway.drop_tcp()
        running.simulator.wait_for_gateway("resumed", after=index, timeout_s=30)
    connects = running.simulator.gateway_log(after=index, event="connect")
    gaps_s = [later["at_s"] - earlier["at_s"] for earlier, later in pairwise(connects)]

    assert len(gaps_s) == 3
    assert all(gap_s >= least_s for gap_s, least_s in zip(gaps_s, (1, 2, 4), strict=True))
    assert gateway.count("identify") == 1
    assert running.say("!ping hello") == "pong hello"
    assert_untouched(running, pid)


@fault(
    24,
    "RESUME never answered; READY never comes",
    answer="after `GATEWAY_READY_TIMEOUT_S` (2 here) a login, as long as the budget allows one;"
    " then it waits, alive",
    within_s=9.0,
)
@pytest.mark.slow
def test_fault_24_no_answer(make_installation: Make, measured: Measured) -> None:
    """A greeting that is never answered is given up, and never becomes a storm of logins."""
    installation = make_installation(GATEWAY_READY_TIMEOUT_S=2, IDENTIFY_MAX_10_MIN=3)
    gateway = serving(installation)
    simulator, pid = installation.simulator, installation.bot_pid()
    index = simulator.stats()["gateway"]["log_index"]

    with gateway.no_resumed():
        began_s = time.monotonic()
        gateway.drop_tcp()
        ready = simulator.wait_for_gateway("ready", after=index, timeout_s=30)
        installation.wait_ready()
        assert installation.say("!ping hello") == "pong hello"
    assert (gateway.count("resume"), gateway.count("identify")) == (1, 2)
    with gateway.no_ready():
        gateway.invalidate(resumable=False)
        wait_backing_off(installation, "identify_budget")
        installation.wait_polls(3)

        assert gateway.count("identify") == 3
    assert_untouched(installation, pid)
    measured(ready["at_s"] - began_s)


@fault(
    25,
    "dead resume address",
    answer="two tries there, then the general gateway: the same session, no login",
    within_s=8.0,
)
@pytest.mark.slow
def test_fault_25_dead_resume_address(installation: Installation, measured: Measured) -> None:
    """An address where nobody listens is not tried for ever."""
    installation.start_simulator().fault("dead_resume_url")
    installation.start_supervisord()
    installation.wait_ready()
    gateway, pid = Gateway(installation.simulator), installation.bot_pid()

    began_s = time.monotonic()
    gateway.drop_tcp()
    resumed = installation.simulator.wait_for_gateway("resumed", timeout_s=30)
    took_s = resumed["at_s"] - began_s

    assert took_s > 3  # two tries in vain, and the waits after them
    assert gateway.count("identify") == 1
    assert installation.say("!ping hello") == "pong hello"
    assert_untouched(installation, pid)
    measured(took_s)


# What ends a connection, and whether the session is resumed after it.
ENDS: list[tuple[str, Callable[[Gateway, int], None], bool]] = [
    ("op 7", lambda gateway, shard: gateway.ask_to_reconnect(shard), True),
    ("op 9 true", lambda gateway, shard: gateway.invalidate(resumable=True, shard=shard), True),
    ("op 9 false", lambda gateway, shard: gateway.invalidate(resumable=False, shard=shard), False),
    ("no close frame", lambda gateway, shard: gateway.drop_tcp(shard), True),
]
RESUMED_CODES = (1000, 1001, 4000, 4001, 4002, 4005, 4008, 4099)
LOGGED_IN_CODES = (4003, 4007, 4009)
SHARDS = 16
MANY_SHARDS = f"""
from tests.system.bots.counting import ShardedClient, intents

def bot():
    return ShardedClient(intents=intents, shard_count={SHARDS})
"""


@fault(
    26,
    "op 7, op 9, every close code",
    answer="op 7, op 9 true, a drop and most codes: resumed; op 9 false, 4003, 4007, 4009: one"
    " login; 4004, 4010 to 4014: exit 78 with advice; nothing else ends the process",
)
@pytest.mark.slow
def test_fault_26_ops_and_close_codes(make_installation: Make) -> None:
    """A bot with a shard for each of them: every shard does what its own end asks for."""
    installation = make_installation(BOT_FACTORY="many_shards:bot", IDENTIFY_MAX_10_MIN=100)
    (installation.folder / "many_shards.py").write_text(MANY_SHARDS)
    simulator, gateway = installation.start_simulator(), Gateway(installation.simulator)
    simulator.session_start_limit(max_concurrency=SHARDS)
    installation.start_supervisord()
    installation.wait_ready()
    pid, before = installation.bot_pid(), sessions(installation)
    expected = {shard: resumes for shard, (_, _, resumes) in enumerate(ENDS)}
    for shard, (_, end, _) in enumerate(ENDS):
        end(gateway, shard)
    for shard, code in enumerate((*RESUMED_CODES, *LOGGED_IN_CODES), start=len(ENDS)):
        expected[shard] = code in RESUMED_CODES
        gateway.close(code, shard)

    def settled() -> dict[int, bool] | None:
        now = sessions(installation)
        again = {
            shard: found["id"] == before[shard]["id"]
            for shard, found in now.items()
            if found["id"] != before[shard]["id"] or found["resumes"] > 0
        }
        return again if len(again) >= len(expected) else None

    assert until(settled, "every shard is connected again", within_s=20) == expected
    assert gateway.count("identify") == SHARDS + 1 + len(LOGGED_IN_CODES)
    installation.wait_ready()
    assert_untouched(installation, pid)
    assert_ends_for_good(installation, gateway, 4014)


def sessions(installation: Installation) -> dict[int, dict[str, Any]]:
    """Answer the sessions that are connected, by shard."""
    found = installation.simulator.stats()["sessions"]
    return {each["shard"][0]: each for each in found if each["connected"]}


def assert_ends_for_good(installation: Installation, gateway: Gateway, code: int) -> None:
    """Close with *code*; fail unless the bot exits with 78, and the operator is told why."""
    fatal = close_codes.FATAL[code]
    gateway.close(code)
    until(lambda: installation.verdict() == "failed", f"{code} is final", within_s=20)
    health = installation.healthz()[1]
    ended = [r for r in installation.records("bot.jsonl") if r["event"] == "bot.stopped"]

    assert (health["reason"], health["advice"]) == (fatal.kind, fatal.advice)
    assert ended[-1]["exit_code"] == 78
    assert installation.program_pid("bot") is None


@pytest.mark.slow
def test_a_fatal_close_code_is_final_until_env_changes(running: Installation) -> None:
    """Each of the codes that no reconnect mends, one after the other, with what to do about it."""
    gateway = Gateway(running.simulator)
    for mended, code in enumerate((4010, 4011, 4012, 4013), start=1):
        assert_ends_for_good(running, gateway, code)
        running.write_env(COMMAND_TIMEOUT_S=30 + mended)
        running.wait_ready()

    assert running.say("!ping hello") == "pong hello"


@fault(
    27,
    "malformed, unknown or huge event; not JSON; broken zlib stream",
    answer="set aside and counted, the connection lives on; after a stream that can't be read it is"
    " resumed",
)
@pytest.mark.parametrize(
    ("kind", "resumes"),
    [
        pytest.param("malformed_event", 0, id="fields missing"),
        pytest.param("unknown_event", 0, id="unknown", marks=pytest.mark.slow),
        pytest.param("huge_event", 0, id="huge", marks=pytest.mark.slow),
        pytest.param("not_json", 1, id="not JSON"),
        pytest.param("bad_zlib", 1, id="bad zlib", marks=pytest.mark.slow),
    ],
)
def test_fault_27_bad_events(running: Installation, kind: Any, resumes: int) -> None:
    """What can't be read costs itself, and a RESUME at most."""
    gateway, pid = Gateway(running.simulator), running.bot_pid()

    gateway.send_rubbish(kind)
    if resumes:
        running.simulator.wait_for_gateway("resumed", timeout_s=10)

    assert running.say("!ping hello") == "pong hello"
    assert (gateway.count("identify"), gateway.count("resumed")) == (1, resumes)
    if kind not in ("unknown_event", "huge_event"):  # those two can be read
        until(lambda: (b := running.beat()) and b.gateway.quarantined_events == 1, "it is counted")
        assert len(running.records("quarantine.jsonl")) == 1
    assert_untouched(running, pid)
