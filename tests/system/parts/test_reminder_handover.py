"""Reminders fall due while the lead goes to and fro: each comes once, and none is left behind."""

from __future__ import annotations

import collections
import re
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.plugins.reminders.model import KIND
from tests.system.installation import Installation, until
from tests.system.roles import wait_leader, wait_spare
from tests.system.test_standby import BOT, SPARE, start

REMINDERS, SPREAD_S = 120, 12.0


def seed(database: Path, *, user_id: int, channel_id: int) -> None:
    """Keep reminders that fall due within the next `SPREAD_S` seconds."""
    now_ms = int(time.time() * 1000)
    rows = [
        {
            "number": number,
            "user": user_id,
            "channel": channel_id,
            "now": now_ms,
            "due": now_ms + int(1000 * SPREAD_S * number / REMINDERS),
            "kind": KIND,
            "text": f"number {number}.",
        }
        for number in range(1, REMINDERS + 1)
    ]
    with closing(sqlite3.connect(database, timeout=10)) as opened, opened:
        opened.executemany(
            "INSERT INTO reminders (id, user_id, guild_id, channel_id, text, state, due_at,"
            " timer_id, count, told, created_at) VALUES (:number, :user, NULL, :channel, :text,"
            " 'pending', :due, :number, 0, 0, :now)",
            rows,
        )
        opened.executemany(
            "INSERT INTO timers (id, kind, user_id, channel_id, ref, payload, state, attempts,"
            " failures, due_at, next_try_at, created_at) VALUES (:number, :kind, :user, :channel,"
            " :number, '{}', 'pending', 0, 0, :due, :due, :now)",
            rows,
        )


def states(database: Path) -> collections.Counter[str]:
    """Answer how many timers are in which state."""
    with closing(sqlite3.connect(database, timeout=10)) as opened:
        found = opened.execute("SELECT state FROM timers")
        return collections.Counter(state for (state,) in found)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_lead_that_goes_to_and_fro_loses_no_reminder_and_repeats_none(
    installation: Installation,
) -> None:
    """It steps down, its successor is killed and it leads again; it is told to end."""
    simulator = installation.start_simulator()
    leader, spare = start(installation, BOT), start(installation, SPARE)
    assert wait_leader(installation).pid == leader.pid
    assert wait_spare(installation).pid == spare.pid
    until(lambda: wait_leader(installation).storage.state == "ready", "the database is open")
    posted = simulator.say("!ping here", user="alice", wait_s=10)
    database = installation.state / "novera.db"
    seed(
        database,
        user_id=int(posted["author_id"]),
        channel_id=int(posted["channel_id"]),
    )
    time.sleep(SPREAD_S / 4)  # what is due meanwhile is the load
    leader.send_signal(signal.SIGUSR2)
    assert wait_leader(installation, not_pid=leader.pid).pid == spare.pid
    time.sleep(SPREAD_S / 4)
    spare.kill()
    spare.wait()
    assert wait_leader(installation, not_pid=spare.pid).pid == leader.pid
    again = start(installation, SPARE)
    assert wait_spare(installation).pid == again.pid
    leader.send_signal(signal.SIGTERM)
    assert wait_leader(installation, not_pid=leader.pid).pid == again.pid
    until(lambda: states(database) == {"sent": REMINDERS}, "all are sent", within_s=40)
    said = [each["content"] for each in simulator.messages("general", limit=1000)]
    found = collections.Counter(re.findall(r"number (\d+)\.", "\n".join(said)))

    assert found == {str(number): 1 for number in range(1, REMINDERS + 1)}
    assert installation.identifies() == 1
