"""Reminders that fall due at once: how fast and in which order they come, and the loop's lag.

    .venv/bin/python -m bench.timers [--count 10000] [--channels 500] [--unlimited]

The simulator keeps Discord's limits (50 calls in a second, 5 messages in 5 s and channel) and the
bot leaves some of them to people (40 reminders in a second), so 10,000 take 250 s and the start
and end some seconds more; stderr tells every 10 s how far it is. `--unlimited` takes the limits of
both sides away: the lag when nothing but the machine holds the reminders back.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from bot.plugins.reminders.model import KIND
from bot.storage.models import ReminderRow, TimerRow
from bot.storage.opened import Opened
from bot.timers import runner
from simulator.server import Simulator
from tests.system.parts.reminding_lives import live

TARGET_LAG_P99_MS = 50.0
SAMPLE_S = 0.01
LOOK_S, TELL_S = 0.2, 10.0
USER_ID = 1


def seed(database: Opened, count: int, channels: list[int]) -> None:
    """Keep *count* reminders that fell due within the last second, a millisecond apart or less."""
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {
            "id": number,
            "user_id": USER_ID,
            "guild_id": 1,
            "channel_id": channels[number % len(channels)],
            "state": "pending",
            "created_at": now,
            "due_at": now - timedelta(seconds=1 - number / count),
        }
        for number in range(1, count + 1)
    ]
    once = {"count": 0, "told": False}
    reminders = [row | once | {"text": f"{row['id']}", "timer_id": row["id"]} for row in rows]
    fresh = {"kind": KIND, "payload": {}, "attempts": 0, "failures": 0}
    timers = [row | fresh | {"ref": row["id"], "next_try_at": row["due_at"]} for row in rows]
    with database.plain.begin() as connection:
        connection.execute(insert(ReminderRow), reminders)
        connection.execute(insert(TimerRow), timers)


def sent(database: Opened) -> int:
    """Answer how many were written as sent."""
    with database.plain.connect() as connection:
        asked = select(func.count()).where(TimerRow.state == "sent")
        return int(connection.execute(asked).scalar_one())


async def serve(state_dir: Path, api_url: str, token: str, *, unlimited: bool) -> None:
    """The bot's process: remind, and print the loop's lag in ms when stdin ends."""
    if unlimited:
        runner.PER_S = 1e9  # for this process alone
    life = asyncio.ensure_future(live(state_dir, api_url, token))
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    lags: list[float] = []
    while not ended.done() and not life.done():
        began_s = time.perf_counter()
        await asyncio.sleep(SAMPLE_S)
        lags.append((time.perf_counter() - began_s - SAMPLE_S) * 1000)
    cuts = statistics.quantiles(lags, n=1000)
    sys.stderr.write(f"lag {cuts[499]:.2f} {cuts[989]:.2f} {max(lags):.2f}\n")
    sys.stderr.flush()
    life.cancel()


async def measure(count: int, places: int, *, unlimited: bool) -> None:
    """Print the figures."""
    limits: dict[str, object] = {} if unlimited else {"global_limit_per_s": 50}
    with tempfile.TemporaryDirectory() as folder:
        state_dir = Path(folder)
        database = Opened("", state_dir / "novera.db")
        database.prepare()
        async with Simulator(log_entries=10, keep_messages=count, **limits) as simulator:
            made = [await simulator.driver.add_channel(f"p{n}") for n in range(places)]
            if not unlimited:
                await simulator.driver.fault(
                    "bucket_limit",
                    {"path": "*/messages", "method": "POST", "limit": 5, "window_s": 5.0},
                )
            seed(database, count, [int(channel["id"]) for channel in made])
            began_s = time.monotonic()
            lag = await _run(database, state_dir, simulator, count, unlimited=unlimited)
            took_s = time.monotonic() - began_s
            report(simulator, count, took_s, lag)
        await database.close()


async def _run(
    database: Opened, state_dir: Path, simulator: Simulator, count: int, *, unlimited: bool
) -> list[float]:
    words = ["--bot", str(state_dir), simulator.api_url, simulator.token]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.timers", *words, *(["--unlimited"] if unlimited else [])),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    await _all_sent(database, count, process)
    _, told = await process.communicate(b"")
    lines = told.decode().splitlines()
    lag = next((line.split()[1:] for line in lines if line.startswith("lag ")), None)
    if lag is None:
        raise SystemExit("\n".join(["The bot ended before it had reminded of all:", *lines[-20:]]))
    return [float(word) for word in lag]


async def _all_sent(database: Opened, count: int, process: asyncio.subprocess.Process) -> None:
    """Wait until all were sent or the bot has ended, and tell now and then how far it is."""
    began_s = told_s = time.monotonic()
    while (done := sent(database)) < count and process.returncode is None:
        now_s = time.monotonic()
        if now_s - told_s >= TELL_S:
            told_s = now_s
            sys.stderr.write(f"{done} of {count} sent after {now_s - began_s:.0f} s\n")
        await asyncio.sleep(LOOK_S)


def report(simulator: Simulator, count: int, took_s: float, lag: list[float]) -> None:
    """Print what came of it."""
    told = [
        (message.id, int(message.content.split("> ")[1].split("\n")[0]))
        for channel in simulator.world.backend.messages.values()
        for message in channel.values()
    ]
    order = [number for _, number in sorted(told)]
    once = sorted(order) == list(range(1, count + 1))
    farthest = max(abs(at - number) for at, number in enumerate(order, start=1))
    verdict = "ok" if once and lag[1] <= TARGET_LAG_P99_MS else "MISSED"
    print(f"{count} reminders in {took_s:.1f} s: {count / took_s:.0f}/s, each once: {once}")
    print(f"farthest from its place in the order: {farthest}")
    print(f"loop lag p50 {lag[0]:.1f} ms, p99 {lag[1]:.1f} ms, max {lag[2]:.1f} ms: {verdict}")


def main() -> None:
    """Run the bench, or its bot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--channels", type=int, default=500)
    parser.add_argument("--unlimited", action="store_true")
    parser.add_argument("--bot", nargs=3, metavar=("STATE_DIR", "API_URL", "TOKEN"))
    given = parser.parse_args()
    if given.bot:
        folder, api_url, token = given.bot
        asyncio.run(serve(Path(folder), api_url, token, unlimited=given.unlimited))
    else:
        asyncio.run(measure(given.count, given.channels, unlimited=given.unlimited))


if __name__ == "__main__":
    main()
