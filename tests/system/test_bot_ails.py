"""The bot serves, and something is wrong with it: told once, restarted only where that helps."""

from __future__ import annotations

import time

import pytest

from tests.integration.webhook_stand_in import Webhook, answer, webhook
from tests.system.conftest import Make
from tests.system.fault_rows import fault
from tests.system.faulty_bot import exists, recovered, serving, wait_verdict
from tests.system.installation import Installation, until
from watchdog.heartbeat.schema import Heartbeat


def assert_alone(faulty: Installation, pid: int) -> None:
    """Fail unless the bot *pid* serves on, and nobody was signalled, started or accused."""
    counters = faulty.healthz()[1]["counters"]

    assert faulty.bot_pid() == pid
    assert faulty.records("incidents.jsonl") == []
    assert (counters["kills"], counters["starts"]) == (0, 0)


def told(hook: Webhook, title: str) -> None:
    """Wait until an alert of that title has arrived, and fail if there is another one."""
    until(lambda: hook.all_titles, f"an alert {title}", within_s=20)

    assert hook.all_titles == [title]


def beat_of(faulty: Installation) -> Heartbeat:
    """Answer the newest beat."""
    beat = faulty.beat()
    assert beat is not None
    return beat


@fault(
    8,
    "the loop turns, but 1.5 s late each time",
    answer="`degraded` for `slow_loop`, one alert however long it lasts, no restart",
)
@pytest.mark.slow
def test_fault_08_slow_loop(make_installation: Make) -> None:
    """A loop that is blocked again and again, never for long, is told of and left alone."""
    with webhook(answer(204)) as hook:
        faulty = serving(
            make_installation, ALERT_WEBHOOK_URL=hook.url, HUNG_AFTER_S=5, FROZEN_AFTER_S=5
        )
        pid = faulty.bot_pid()
        faulty.simulator.say("!stutter 1.5 11")
        wait_verdict(faulty, "degraded", "slow_loop")
        told(hook, "Warning: slow loop")
        lag_ms = beat_of(faulty).loop.lag_ms_p99
        reply = faulty.say("!ping on")

        assert hook.all_titles == ["Warning: slow loop"]

    assert 1000 <= lag_ms < 3000
    assert reply == "pong on"
    assert_alone(faulty, pid)


@fault(
    9,
    "the thread that writes heartbeats dies; it waits for a lock for ever",
    answer="the loop starts another one, which leaves out what the first one hangs in;"
    " `heartbeat_writer` is told while beats are missing; nothing is killed before 3 T",
)
@pytest.mark.slow
def test_fault_09_heartbeat_thread(make_installation: Make) -> None:
    """A heartbeat that stops says nothing of the loop, which mends it."""
    with webhook(answer(204)) as hook:
        faulty = serving(make_installation, ALERT_WEBHOOK_URL=hook.url, FROZEN_AFTER_S=3)
        pid = faulty.bot_pid()
        faulty.say("!beats end")
        until(lambda: revivals(faulty) == 1, "a thread that died is replaced")
        assert hook.all_titles == []  # too short to be noticed

        faulty.say("!beats deadlock")
        wait_verdict(faulty, "degraded", "heartbeat_writer")
        until(lambda: revivals(faulty) == 2, "a thread that hangs is replaced")
        until(lambda: faulty.verdict() == "healthy", "beats come again")
        told(hook, "Warning: heartbeat writer")

    assert faulty.say("!ping on") == "pong on"
    assert_alone(faulty, pid)


@fault(
    12,
    "all handlers wait for one lock, the loop turns",
    answer="`degraded` for `tasks_waiting`; the statistics show the age of the oldest task; no"
    " restart; healthy again once one ends",
)
@pytest.mark.slow
def test_fault_12_one_lock(make_installation: Make) -> None:
    """Handlers that all wait, and none of which ends, are told of and left alone."""
    faulty = serving(make_installation, WAITING_AFTER_S=3)
    pid = faulty.bot_pid()
    faulty.say("!queue")
    for _ in range(6):
        faulty.simulator.say("!queue")
    health = wait_verdict(faulty, "degraded", "tasks_waiting")
    waiting = beat_of(faulty).tasks.by_name["discord.py: on_message"]

    assert "lock" in health["advice"]
    assert waiting.active >= 6
    assert waiting.oldest_s is not None
    assert waiting.oldest_s >= 3

    faulty.simulator.say("!free")
    until(lambda: faulty.verdict() == "healthy", "it is healthy again")
    assert_alone(faulty, pid)


@fault(
    14,
    "memory grows past MAX_RSS_MB for MAX_RSS_FOR_S (5 s here)",
    answer="SIGTERM, and the spare leads; a restart with a counter of its own, no incident",
)
@pytest.mark.slow
def test_fault_14_memory_leak(make_installation: Make) -> None:
    """A bot that holds too much memory for too long is replaced politely."""
    faulty = serving(make_installation, MAX_RSS_MB=250, MAX_RSS_FOR_S=5)
    pid = faulty.bot_pid()

    faulty.say("!grow 300")
    began_s = time.monotonic()
    health = wait_verdict(faulty, "degraded", "memory_high")
    took_s = time.monotonic() - began_s
    until(lambda: not exists(faulty, pid), "it is ended", within_s=20)
    faulty.wait_ready(not_pid=pid)
    until(lambda: counter(faulty, "graceful_restarts") == 1, "it is counted")

    assert took_s > 4  # polls worth 5 s, and one may have come before the answer
    assert "MAX_RSS_MB" in health["advice"]
    assert faulty.say("!ping on") == "pong on"
    assert faulty.records("incidents.jsonl") == []
    assert counter(faulty, "kills") == 0
    assert faulty.healthz()[1]["restarts"]["in_window"] == 0


@fault(
    15,
    "threads leak, files leak",
    answer="`degraded` at 80 % of the limit, with its numbers; with every file in use beats are"
    " written all the same",
)
@pytest.mark.slow
def test_fault_15_leaks(make_installation: Make) -> None:
    """A leak is told of while there is room left, and does not silence the bot."""
    faulty = serving(make_installation)
    pid = faulty.bot_pid()

    faulty.say("!threads 810 1000")
    threads = wait_verdict(faulty, "degraded", "threads")
    faulty.say("!files 330 400")
    files = wait_verdict(faulty, "degraded", "open_files")
    faulty.simulator.say("!files 400 400")
    until(lambda: beat_of(faulty).process.open_files >= 400, "all files are in use")
    sequence = beat_of(faulty).sequence
    until(lambda: beat_of(faulty).sequence >= sequence + 2, "beats are written all the same")

    assert "of 1000 threads" in threads["advice"]
    assert "of 400 files" in files["advice"]
    assert files["warnings"] == ["open_files", "threads"]

    faulty.simulator.say("!free")
    until(lambda: faulty.verdict() == "healthy", "it is healthy again")
    assert_alone(faulty, pid)


@fault(
    18,
    "never READY within STARTUP_TIMEOUT_S (5 s here)",
    answer="a failure `never_ready`, counted; the next process is ready once Discord answers",
)
@pytest.mark.slow
def test_fault_18_never_ready(installation: Installation) -> None:
    """A bot that Discord keeps waiting for ever is replaced, and that spends budget."""
    installation.write_env(STARTUP_TIMEOUT_S=5, STANDBY="false")
    installation.start_simulator()
    installation.simulator.fault("no_ready")
    installation.start_supervisord()
    pid = until(lambda: installation.program_pid("bot"), "the bot starts") or 0

    until(lambda: not exists(installation, pid), "it is ended", within_s=20)
    installation.simulator.clear_faults()
    installation.wait_ready(not_pid=pid)
    incident = recovered(installation)

    assert (incident["kind"], incident["cause"]) == ("never_ready", "never_ready")
    assert incident["actions"][:2] == ["SIGUSR1", "SIGTERM"]
    assert installation.healthz()[1]["restarts"]["in_window"] == 1


def revivals(faulty: Installation) -> int:
    """Answer how often the bot's loop has replaced the heartbeat's thread."""
    return [record["event"] for record in faulty.records("bot.jsonl")].count("heartbeat.revived")


def counter(faulty: Installation, name: str) -> int:
    """Answer one of the watchdog's counters."""
    return int(faulty.healthz()[1].get("counters", {}).get(name, 0))
