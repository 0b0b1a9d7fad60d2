"""Messages a second through the whole pipeline on one core, how long each takes, and memory.

    .venv/bin/python -m bench.pipeline [--messages 5000] [--rate 500] [--memory 100000]

The real bot with all its services, first with all plugins and every automod rule on, then with
neither. Payloads are handed to discord.py's parser as the gateway's reader would; nobody is to be
answered, so no request to Discord is in the figures. The simulator idles in the same process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import pkgutil
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

import bot.plugins
from bench.automod import full_config
from bot.pipeline.pipeline import CONTINUE, Verdict
from bot.plugins.automod.config import encode
from bot.plugins.automod.messages import EPOCH_MS
from tests.community.stage import ALWAYS, Stage, serving, simulated

TARGET_PER_S, TARGET_P99_MS, TARGET_GROWTH = 500.0, 20.0, 0.05
MEMBERS = 500
AT_ONCE = 50  # messages under way when as many as possible are handled
WORDS = (
    "hello",
    "there",
    "what",
    "a",
    "nice",
    "day",
    "to",
    "talk",
    "about",
    "weather",
    "and",
    "so",
)


class Traffic:
    """Feeds messages to a bot and notes how long each was under way."""

    def __init__(self, stage: Stage) -> None:
        self._parse = stage.bot._connection.parsers["MESSAGE_CREATE"]
        self._guild, self._channel = stage.guild.id, stage.world.channel("general").id
        self._draw = random.Random(7)  # noqa: S311 - alike each time
        self._number = itertools.count(1)
        self._fed_s: dict[int, float] = {}
        self._took_ms: list[float] = []
        self._is_paced = False
        stage.bot.pipeline.add("listeners", self._seen, name="bench")

    async def _seen(self, message: Any) -> Verdict:
        took_s = time.perf_counter() - self._fed_s.pop(message.id)
        if self._is_paced:  # else the list would be the memory that grows
            self._took_ms.append(took_s * 1000)
        return CONTINUE

    def feed(self) -> None:
        """Hand over one message: talk of a few words, one in twenty of 2,000 characters."""
        number = next(self._number)
        at_ms = int(time.time() * 1000) - EPOCH_MS
        message_id = (at_ms << 22) | (number & 0x3FFFFF)
        length = 2000 if number % 20 == 0 else self._draw.randint(10, 120)
        content = " ".join(self._draw.choices(WORDS, k=length // 4))[:length]
        author = 1000 + number % MEMBERS
        self._fed_s[message_id] = time.perf_counter()
        self._parse(payload(message_id, self._channel, self._guild, author, content))

    async def drain(self, at_most: int = 0) -> None:
        """Wait until no more than *at_most* messages are under way."""
        while len(self._fed_s) > at_most:  # noqa: ASYNC110 - an event would cost what is measured
            await asyncio.sleep(0)

    async def flood(self, count: int) -> float:
        """Answer the messages a second when the next comes as soon as there is room."""
        began_s = time.perf_counter()
        for _ in range(count):
            self.feed()
            await self.drain(AT_ONCE)
        await self.drain()
        return count / (time.perf_counter() - began_s)

    async def pace(self, count: int, per_s: float) -> list[float]:
        """Answer the milliseconds of each when they come at a steady rate."""
        self._took_ms.clear()
        self._is_paced = True
        began_s = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, began_s + number / per_s - time.perf_counter()))
            self.feed()
        await self.drain()
        self._is_paced = False
        return sorted(self._took_ms)


def payload(message_id: int, channel: int, guild: int, author: int, content: str) -> dict[str, Any]:
    """Answer a MESSAGE_CREATE as Discord sends it."""
    at = "2026-01-01T00:00:00.000000+00:00"
    user = {"id": str(author), "username": f"member{author}", "discriminator": "0", "avatar": None}
    member = {"roles": [], "joined_at": at, "deaf": False, "mute": False, "flags": 0}
    return {
        "id": str(message_id),
        "type": 0,
        "channel_id": str(channel),
        "guild_id": str(guild),
        "author": user,
        "member": member,
        "content": content,
        "timestamp": at,
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
    }


@contextlib.asynccontextmanager
async def bot_with(plugins: Sequence[str], *, rules: bool) -> AsyncIterator[Traffic]:
    """Yield the traffic of a bot that serves, warmed up."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        async with simulated(Path(folder)) as made, serving(made, patch, plugins) as stage:
            if rules:
                config = full_config(random.Random(5))  # noqa: S311 - alike each time
                # People do not write as fast as this bench: nobody is to be too fast for a rule.
                config = config.changed("burst", count=30, seconds=1)
                config = config.changed("duplicates", count=30, seconds=1)
                await stage.services.guilds.change(stage.guild.id, automod=encode(config))
            traffic = Traffic(stage)
            await traffic.flood(1000)
            yield traffic


def memory_mib() -> float:
    """Answer the resident memory of this process (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


async def measured(options: argparse.Namespace, plugins: Sequence[str]) -> bool:
    """Print the figures; answers whether all targets are met."""
    async with bot_with((), rules=False) as traffic:
        bare_per_s = statistics.median([await traffic.flood(options.messages) for _ in range(3)])
    async with bot_with(plugins, rules=True) as traffic:
        per_s = statistics.median([await traffic.flood(options.messages) for _ in range(3)])
        took_ms = await traffic.pace(options.messages, options.rate)
        growth = 0.0
        if options.memory:
            await traffic.flood(options.memory // 5)
            before_mib = memory_mib()
            await traffic.flood(options.memory)
            growth = memory_mib() / before_mib - 1
            print(f"memory {before_mib:.0f} MiB, after {options.memory} more: {growth:+.1%}")
    p99_ms = took_ms[int(len(took_ms) * 0.99)]
    print(f"bare runtime            {bare_per_s:7.0f} messages/s")
    print(f"{len(plugins):2} plugins, all rules    {per_s:7.0f} messages/s", end=" ")
    print(f"({per_s / bare_per_s:.0%} of it; target ≥ {TARGET_PER_S:.0f})")
    print(f"at {options.rate:.0f} messages/s: p50 {statistics.median(took_ms):.2f} ms,", end=" ")
    print(f"p99 {p99_ms:.2f} ms (target ≤ {TARGET_P99_MS:.0f})")
    return per_s >= TARGET_PER_S and p99_ms <= TARGET_P99_MS and growth <= TARGET_GROWTH


def main() -> int:
    """Print the figures; answers 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--memory", type=int, default=0, help="messages to watch memory over")
    parser.add_argument("--plugins", nargs="*", help="other than all there are")
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    there = [name for _, name, _ in pkgutil.iter_modules(bot.plugins.__path__)]
    plugins = options.plugins if options.plugins is not None else there
    missing = [name for name in plugins if f"bot.plugins.{name}" not in ALWAYS]
    met = asyncio.run(measured(options, missing))
    print(f"targets {'met' if met else 'missed'}")
    return int(not met)


if __name__ == "__main__":
    raise SystemExit(main())
