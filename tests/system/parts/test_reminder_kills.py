"""Reminders fall due while the bot is killed a hundred times: none is lost, none comes twice."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from bot.plugins.reminders.model import KIND
from bot.storage.models import ReminderRow, TimerRow
from bot.storage.opened import Opened
from simulator.server import Simulator
from tests.integration.serving import until

KILLS = 100
REMINDERS = 400
CHANNELS, GONE = 8, 2
HOURLY = "3600"
SPREAD_S = 25.0
SEED = 20261126


def seed(engine: Engine, channels: list[int], user_id: int) -> None:
    """Keep reminders that fall due within the next `SPREAD_S` seconds; every third repeats."""
    now = datetime.now(UTC)
    reminders, timers = [], []
    for number in range(1, REMINDERS + 1):
        due_at = now + timedelta(seconds=SPREAD_S * number / REMINDERS)
        place = {"user_id": user_id, "guild_id": 1, "channel_id": channels[number % CHANNELS]}
        at = {"due_at": due_at, "created_at": now}
        reminders.append(
            place
            | at
            | {"id": number, "text": f"number {number}.", "state": "pending"}
            | {"timer_id": number, "count": 0, "told": False}
            | {"repeat": None if number % 3 else HOURLY}
        )
        timers.append(
            place
            | at
            | {"id": number, "kind": KIND, "ref": number, "payload": {}}
            | {"state": "pending", "attempts": 0, "failures": 0, "next_try_at": due_at}
        )
    with engine.begin() as connection:
        connection.execute(insert(ReminderRow), reminders)
        connection.execute(insert(TimerRow), timers)
        if engine.dialect.name == "postgresql":  # which counts on by itself only what it numbered
            series = func.pg_get_serial_sequence("timers", "id")
            connection.execute(select(func.setval(series, REMINDERS)))


def counts(engine: Engine, table: Any) -> dict[str, int]:
    """Answer how many rows are in which state."""
    asked = select(table.state, func.count()).group_by(table.state)
    with engine.connect() as connection:
        return {row.state: row[1] for row in connection.execute(asked)}


def to_come(engine: Engine) -> int:
    """Answer how many timers are for later."""
    asked = select(func.count()).where(TimerRow.due_at > datetime.now(UTC))
    with engine.connect() as connection:
        return int(connection.execute(asked).scalar_one())


def times_noted(engine: Engine) -> dict[int, int]:
    """Answer how many reminders were noted as sent how often."""
    asked = select(ReminderRow.count, func.count()).group_by(ReminderRow.count)
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(asked)}


@contextlib.asynccontextmanager
async def lives(
    state_dir: Path, simulator: Simulator, url: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Yield the process that makes lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.system.parts.reminding_lives",
        str(state_dir),
        simulator.api_url,
        simulator.token,
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()  # `wait` would wait for whoever reads its log


async def begin(process: asyncio.subprocess.Process) -> int:
    """Begin a life; answers its pid."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    return int(await line(process))


async def line(process: asyncio.subprocess.Process) -> bytes:
    """Answer the next word of the process that makes lives; log lines are none."""
    assert process.stdout is not None
    while found := await process.stdout.readline():
        word = found.strip()
        if word.isdigit() or word == b"ended":
            return word
    raise AssertionError("the process that makes lives has ended")


def reminded(simulator: Simulator) -> collections.Counter[str]:
    """Answer how often each reminder is to be read at Discord."""
    return collections.Counter(
        message.content[message.content.index("number") :].partition(".")[0]
        for channel in simulator.world.backend.messages.values()
        for message in channel.values()
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The `DATABASE_URL` of an empty database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgresql"))


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_a_hundred_kills_lose_no_reminder_and_repeat_none(tmp_path: Path, url: str) -> None:
    """SIGKILL at random moments, while claims, sends and writes are under way.

    Some go directly to their user, since their channels are gone; some are to come again.
    """
    draw = random.Random(SEED)
    database = Opened(url, tmp_path / "novera.db")
    database.prepare()
    async with Simulator() as simulator:
        user_id = int((await simulator.driver.add_user("forgetful"))["id"])
        channels = [
            int((await simulator.driver.add_channel(f"place-{number}"))["id"])
            for number in range(CHANNELS)
        ]
        for gone in channels[:GONE]:
            simulator.world.backend.delete_channel(gone)
        async with lives(tmp_path, simulator, url) as process:
            pid = await begin(process)
            await asyncio.sleep(0.3)
            seed(database.plain, channels, user_id)
            in_hand = 0
            for _ in range(KILLS):
                await asyncio.sleep(draw.uniform(0.02, 0.5))
                os.kill(pid, signal.SIGKILL)
                await line(process)
                in_hand += counts(database.plain, TimerRow).get("claimed", 0) > 0
                pid = await begin(process)
            await until(lambda: times_noted(database.plain) == {1: REMINDERS}, timeout_s=30)
            os.kill(pid, signal.SIGKILL)
        found = reminded(simulator)
        backend = simulator.world.backend
        letters = len(backend.messages[backend.dm_channels[user_id]])
    states, following = counts(database.plain, ReminderRow), to_come(database.plain)
    await database.close()

    assert states == {"sent": REMINDERS - REMINDERS // 3, "pending": REMINDERS // 3}
    assert following == REMINDERS // 3
    assert letters == REMINDERS * GONE // CHANNELS
    assert found == {f"number {number}": 1 for number in range(1, REMINDERS + 1)}
    assert in_hand >= KILLS // 10, "too few kills met anything under way"
