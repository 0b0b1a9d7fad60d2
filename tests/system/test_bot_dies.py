"""The bot's process ends: why is known, it is replaced once, and a wished end stays one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from tests.faults import kill, limited_memory
from tests.faults.memory import MemoryGroup
from tests.integration.webhook_stand_in import answer, webhook
from tests.system.conftest import Make, Measured
from tests.system.fault_rows import BUSY_S, fault
from tests.system.faulty_bot import (
    REPLACED_WITHIN_S,
    assert_replaced_once,
    exists,
    recovered,
    serving,
    time_to_answer,
)
from tests.system.installation import Installation, until
from tests.system.quiet import assert_untouched
from tests.system.roles import leader, wait_leader, wait_spare
from watchdog.process.handle import ProcessHandle

MIB = 1024 * 1024


@pytest.fixture
def faulty(make_installation: Make) -> Installation:
    """A serving installation whose bot has a command for each fault."""
    return serving(make_installation)


@fault(
    1,
    "SIGKILL",
    answer="the spare answers; one restart, cause `SIGKILL`; one failure in the ledger; one"
    " incident, one alert, one recovery",
    within_s=1.0,
)
def test_fault_01_sigkill(make_installation: Make, measured: Measured) -> None:
    """A killed bot has one restart, one incident that names the signal, and one recovery."""
    with webhook(answer(204)) as hook:
        faulty = serving(make_installation, ALERT_WEBHOOK_URL=hook.url)
        pid = faulty.bot_pid()

        took_s = time_to_answer(faulty, lambda: kill(pid))
        incident = recovered(faulty)
        until(lambda: len(hook.all_titles) == 2, "both alerts arrive")
        assert_replaced_once(faulty, pid)

    opened, closed = hook.all_titles
    assert (incident["kind"], incident["cause"]) == ("crash", "SIGKILL")
    assert opened == "Incident 1: crash (SIGKILL)"
    assert closed.startswith("Incident 1: recovered after")
    measured(took_s)


@contextmanager
def memory_of(size_bytes: int) -> Iterator[MemoryGroup | None]:
    """Limit the memory of what is started with the answer; skip where nobody can. 0: no limit."""
    with ExitStack() as stack:
        group = None
        if size_bytes:
            try:
                group = stack.enter_context(limited_memory(size_bytes))
            except OSError as error:
                pytest.skip(f"no control group for memory can be made here: {error}")
        yield group


@fault(
    2,
    "SIGSEGV, abort, killed for want of memory",
    answer="as 1; the signal is the cause, or `out_of_memory`, recognised by the control group",
    within_s=1.0,
)
@pytest.mark.parametrize(
    ("command", "cause", "memory_bytes"),
    [
        pytest.param("crash SIGSEGV", "SIGSEGV", 0, id="segmentation fault"),
        pytest.param("crash SIGABRT", "SIGABRT", 0, id="abort", marks=pytest.mark.slow),
        pytest.param("devour 900", "out_of_memory", 600 * MIB, id="memory", marks=pytest.mark.slow),
    ],
)
def test_fault_02_crash(
    make_installation: Make, measured: Measured, command: str, cause: str, memory_bytes: int
) -> None:
    """A bot that the kernel ends is replaced, and the reason is the cause."""
    with memory_of(memory_bytes) as group:
        # A kernel that looks for memory everywhere takes its time: no hang meanwhile.
        faulty = serving(make_installation, group, HUNG_AFTER_S=10, FROZEN_AFTER_S=10)
        pid = faulty.bot_pid()

        def crash() -> None:
            faulty.simulator.say(f"!{command}")
            wait_end(pid)

        took_s = time_to_answer(faulty, crash)
        incident = recovered(faulty)
        assert_replaced_once(faulty, pid)

    assert (incident["kind"], incident["cause"]) == ("crash", cause)
    measured(took_s)


@fault(
    3,
    "an exit 0 that nobody wished for: `sys.exit()` in a handler, a client that closes itself,"
    " `os._exit(0)`",
    answer="only the shutdown command ends with 0 and stays down; any other way out has another"
    " code, or, where code can't be had, lacks the word that shutdown leaves: a failure",
)
@pytest.mark.slow
def test_fault_03_exit_0(make_installation: Make) -> None:
    """Whatever ends the process as if all were well is a failure; the shutdown command is not."""
    faulty = serving(make_installation, RESTART_BASE_S=0.1, RESTART_CAP_S=0.2)
    pids = []
    for how in ("sys.exit", "close", "os._exit"):
        pids.append(wait_leader(faulty).pid)
        time_to_answer(faulty, partial(faulty.simulator.say, f"!leave {how}"))
        wait_spare(faulty, not_pid=pids[-1])
        until(partial(has_closed, faulty, len(pids)), f"{how} is put on record")

    pids.append(wait_leader(faulty).pid)
    faulty.simulator.say("!shutdown", user="owner")
    until(lambda: faulty.verdict() == "stopped", "it is stopped")
    faulty.wait_polls(6)

    assert causes(faulty) == ["exit 1", "exit 1", "exit 0"]
    assert [how_ended(faulty, pid) for pid in pids] == [
        (1, "by_policy"),
        (1, "by_policy"),
        (0, "by_policy"),
        (0, "stay_down"),
    ]
    assert faulty.verdict() == "stopped"
    assert leader(faulty) is None


@fault(
    13,
    "a spawned task dies",
    answer="counted under its name, logged once with its traceback; nothing is restarted",
)
def test_fault_13_task_dies(faulty: Installation) -> None:
    """A forgotten task's failure is neither lost nor repeated."""
    pid = faulty.bot_pid()
    faulty.say("!spawn")
    until(lambda: (beat := faulty.beat()) and beat.tasks.failed >= 1, "it is counted")
    beat = faulty.beat()
    logged = [r for r in faulty.records("bot.jsonl") if "nobody awaits this" in str(r)]

    assert beat is not None
    assert beat.tasks.by_name["forgotten"].failed == 1
    assert len(logged) == 1
    assert "in _fail" in logged[0]["exception"]
    assert_untouched(faulty, pid)


@fault(
    16,
    "a shutdown that takes 8 s; one that takes for ever",
    answer="`stopping` is no hang while it lasts no longer than SHUTDOWN_TIMEOUT_S, which ends it;"
    " nothing is killed or counted",
)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("takes_s", "allowed_s"),
    [pytest.param(8, 10, id="slow"), pytest.param(600, 3, id="for ever")],
)
def test_fault_16_slow_shutdown(make_installation: Make, takes_s: int, allowed_s: int) -> None:
    """A process that ends slowly is left alone, and ends itself when its time is over."""
    faulty = serving(make_installation, SHUTDOWN_TIMEOUT_S=allowed_s, RESTART_BASE_S=0.1)
    pid = faulty.bot_pid()
    faulty.say(f"!linger {takes_s}")
    began_s = time.monotonic()

    kill(pid, signal.SIGTERM)
    until(lambda: not exists(faulty, pid), "it ends", within_s=20)
    took_s = time.monotonic() - began_s
    until(lambda: how_ended(faulty, pid), "it is noticed")

    assert min(takes_s, allowed_s) - 0.5 <= took_s <= allowed_s + BUSY_S
    assert how_ended(faulty, pid) == (143, "at_once")
    assert faulty.say("!ping on") == "pong on"
    assert faulty.records("incidents.jsonl") == []
    assert faulty.healthz()[1]["restarts"]["in_window"] == 0
    assert faulty.healthz()[1]["counters"]["kills"] == 0


@fault(
    17,
    "SIGTERM during start or login",
    answer="ends within 2 s, leaves nobody behind, and is no failure",
    within_s=2.0,
)
@pytest.mark.parametrize("moment", ["imports", "login"])
def test_fault_17_sigterm_during_start(
    installation: Installation, measured: Measured, moment: str
) -> None:
    """A start that is stopped ends in 2 s, and costs nothing of the budget."""
    installation.start_simulator()
    installation.simulator.fault("slow_rest", delay_s=30, path="*/users/@me")
    installation.start_supervisord()
    pid = until(lambda: installation.program_pid("bot"), "the bot starts") or 0
    if moment == "login":
        until(lambda: (beat := installation.beat()) and beat.pid == pid, "it beats")
    installation.simulator.clear_faults()
    began_s = time.monotonic()

    os.kill(pid, signal.SIGTERM)
    until(lambda: not exists(installation, pid), "it ends")
    took_s = time.monotonic() - began_s
    installation.wait_ready(not_pid=pid)
    wait_spare(installation)

    assert installation.healthz()[1]["restarts"]["in_window"] == 0
    assert len(installation.bots()) == 2
    measured(took_s)


def test_sigterm_ends_a_serving_bot_within_a_second(faulty: Installation) -> None:
    """A stop by signal: intake ends, the session stays, nothing is called a failure."""
    pid = faulty.bot_pid()
    began_s = time.monotonic()

    kill(pid, signal.SIGTERM)
    until(lambda: not exists(faulty, pid), "it ends")

    assert time.monotonic() - began_s < 1
    faulty.wait_ready(not_pid=pid)
    assert faulty.healthz()[1]["restarts"]["in_window"] == 0


def test_a_handler_at_work_ends_before_the_bot_does(faulty: Installation) -> None:
    """A stop lets a command that is at work answer."""
    pid = faulty.bot_pid()
    faulty.simulator.say("!slow 1")
    time.sleep(0.3)  # it has begun

    kill(pid, signal.SIGTERM)

    assert faulty.simulator.wait_for_message(timeout_s=5)["content"] == "done"


def causes(installation: Installation) -> list[str]:
    """Answer the causes of the incidents that are closed."""
    records = installation.records("incidents.jsonl")
    return [record["cause"] for record in records if record["outcome"] == "recovered"]


def has_closed(installation: Installation, count: int) -> bool:
    """Answer whether *count* incidents are closed."""
    return len(causes(installation)) == count


def how_ended(installation: Installation, pid: int) -> tuple[int, str] | None:
    """Answer the exit code of the bot *pid*, and what the watchdog made of it."""
    for record in installation.records("watchdog.jsonl"):
        if record["event"] == "bot.ended" and record["pid"] == pid:
            return record["exit_status"], record["answer"]
    return None


def wait_end(pid: int) -> None:
    """Wait until the process *pid* has ended."""
    handle = ProcessHandle.open(pid)
    if handle is not None:
        ended = handle.wait_end(REPLACED_WITHIN_S)
        handle.close()

        assert ended, f"{pid} lives"
