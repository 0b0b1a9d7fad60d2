"""Time goes wrong: clocks are set, everything stands still, the processor is away."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import UTC, datetime

import pytest

from tests.faults import Gateway, WallClock, freeze, lie, starve_cpu
from tests.system.conftest import Make, Measured
from tests.system.fault_rows import fault
from tests.system.faulty_bot import (
    PLUGINS,
    assert_replaced_once,
    recovered,
    serving,
    time_to_answer,
)
from tests.system.installation import Installation, until
from tests.system.roles import wait_spare

T_S = 2.0  # HUNG_AFTER_S and FROZEN_AFTER_S of the tests
HOUR_S = 3600.0
PAUSE_S = 10.0
BERLIN = "Europe/Berlin"
MOMENTS = {
    "the clocks go forward": datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
    "the clocks go back": datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),
    "the last second of 32 bits": datetime(2038, 1, 19, 3, 14, 6, tzinfo=UTC),
}


def restarts_of(installation: Installation) -> dict[str, int]:
    """Answer what was restarted so far, and what the watchdog stumbled over."""
    health = until(lambda: installation.healthz()[1], "the watchdog answers")
    counters = health["counters"]
    return {
        "restarts": health["restarts"]["total"],
        "spare_restarts": counters["spare_restarts"],
        "kills": counters["kills"],
        "tick_errors": counters["tick_errors"],
        "incidents": len(installation.records("incidents.jsonl")),
    }


def nothing_happened(installation: Installation) -> bool:
    """Answer whether nothing was restarted, killed or put on record."""
    return set(restarts_of(installation).values()) == {0}


def let_pass(installation: Installation, beats: int) -> None:
    """Wait until the leader has written so many more beats, and the watchdog has seen them."""
    beat = installation.beat()
    assert beat is not None
    last = beat.sequence + beats

    def seen() -> bool:
        heartbeat = installation.healthz()[1].get("heartbeat") or {}
        return int(heartbeat.get("sequence", 0)) >= last

    until(seen, f"{beats} more beats are seen")


@fault(
    46,
    "Times in the future, negative ages, the clock set by an hour, to 2038 or by summer time",
    answer="no restart; a real hang is found all the same",
    within_s=5.0,  # every look at the clock reads a file, in all processes
)
@pytest.mark.slow
def test_fault_46_clocks(make_installation: Make, measured: Measured) -> None:
    """Polls are counted, so what any clock says restarts nothing and hides nothing."""
    installation = make_installation(PLUGINS=PLUGINS, HEARTBEAT_INTERVAL_S=0.5)
    try:
        clock = WallClock(installation.folder)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    installation.start_simulator()
    installation.start_supervisord(TZ=BERLIN, **clock.environ)
    pid = installation.wait_ready().pid
    wait_spare(installation)

    for seconds in (HOUR_S, -2 * HOUR_S, HOUR_S):
        clock.step(seconds)
        let_pass(installation, beats=2)
    for at in MOMENTS.values():
        clock.set_to(at)
        let_pass(installation, beats=4)
    beat = installation.beat()
    assert beat is not None
    for _ in range(10):
        lie(
            installation.state / "heartbeat.json",
            monotonic_s=beat.monotonic_s + 1e9,
            loop={"pulse": beat.loop.pulse + 1, "pulse_age_s": -1e9, "blocked_s": -1.0},
            gateway={"connected": True, "last_event_age_s": -5.0, "last_ack_age_s": -1e300},
        )
        time.sleep(0.1)
    let_pass(installation, beats=2)

    assert beat.written_at.startswith("2038-01-19T03:14:")
    assert nothing_happened(installation)
    assert installation.say("!ping hello") == "pong hello"
    measured(time_to_answer(installation, lambda: installation.simulator.say("!sleep")))
    assert recovered(installation)["cause"] == "pulse_stopped"
    assert_replaced_once(installation, pid)


@fault(
    50,
    "Everything stands still for 10 s, and for longer than Discord waits (a virtual machine"
    " paused, a lid closed)",
    answer="no restart: a late poll voids the count, however long the pause was",
)
@pytest.mark.slow
def test_fault_50_everything_frozen(make_installation: Make) -> None:
    """Ten minutes are ten seconds, but for Discord, which has closed the connection meanwhile."""
    # Its guard in C can't tell a pause from a hang: a longer one ends the watchdog itself.
    installation = serving(make_installation, TICK_LIMIT_S=4 * PAUSE_S)
    pid, spare, seen = installation.bot_pid(), wait_spare(installation).pid, watchdog(installation)
    supervisord, gateway = installation.started[-1].pid, Gateway(installation.simulator)

    for pause_s, closed in ((PAUSE_S, False), (2 * T_S, True)):
        with contextlib.ExitStack() as stack:
            for frozen in (spare, pid, supervisord, seen):  # the watchdog is the first to go on
                stack.enter_context(freeze(frozen))
            time.sleep(pause_s)
            if closed:
                gateway.drop_tcp()
        let_pass(installation, beats=4)

        assert installation.say("!ping hello") == "pong hello"
        assert nothing_happened(installation)

    assert (installation.bot_pid(), wait_spare(installation).pid) == (pid, spare)
    assert watchdog(installation) == seen
    assert installation.healthz()[1]["counters"]["late_polls"] >= 2
    assert (gateway.count("identify"), gateway.count("resume")) == (1, 1)


@fault(
    51,
    "The processor is taken away: 4 busy processes on 2 cores, of higher priority",
    answer="no restart; the bot answers, only later",
)
@pytest.mark.slow
def test_fault_51_cpu_starved(make_installation: Make) -> None:
    """A loop that turns slowly still turns."""
    installation = serving(make_installation)
    pid, spare = installation.bot_pid(), wait_spare(installation).pid
    until_s = time.monotonic() + 5 * T_S

    with starve_cpu(workers=4, nice=-5 if os.geteuid() == 0 else 0):
        while time.monotonic() < until_s:
            assert installation.say("!ping hello") == "pong hello"

    assert nothing_happened(installation)
    assert (installation.bot_pid(), wait_spare(installation).pid) == (pid, spare)


@fault(
    52,
    "The watchdog stands still for five times the limit, and goes on",
    answer="nobody is killed for what it did not see; it is judged anew",
)
@pytest.mark.slow
def test_fault_52_watchdog_frozen(make_installation: Make) -> None:
    """Its first poll is late, so it proves nothing."""
    installation = serving(make_installation, TICK_LIMIT_S=4 * PAUSE_S)
    pid, seen = installation.bot_pid(), watchdog(installation)

    with freeze(seen):
        time.sleep(PAUSE_S)
        assert installation.say("!ping hello") == "pong hello"
    let_pass(installation, beats=4)

    assert nothing_happened(installation)
    assert (installation.bot_pid(), watchdog(installation)) == (pid, seen)


@pytest.mark.slow
def test_a_watchdog_frozen_for_longer_than_its_own_limit_harms_nobody(
    make_installation: Make,
) -> None:
    """Its guard may end it before it can say that it lives; its successor knows the history."""
    installation = serving(make_installation, TICK_LIMIT_S=1)
    pid = installation.bot_pid()

    with freeze(watchdog(installation)):
        time.sleep(2 * T_S)
    installation.wait_ready()
    let_pass(installation, beats=4)

    assert installation.bot_pid() == pid
    assert nothing_happened(installation)


def watchdog(installation: Installation) -> int:
    """Answer the watchdog's pid by its own word, 0 while it does not answer."""
    return int(installation.healthz()[1].get("watchdog_pid", 0))
