"""Messages a second through the whole pipeline on one core, how long each takes, and memory.

    .venv/bin/python -m bench.pipeline [--rounds 9] [--messages 2000] [--rate 500] [--memory 100000]

Two bots with all their services, each in a process of its own and both on the same core: one with
all plugins and every automod rule on, one with neither. They are measured in turns, so that what
else the machine does befalls both alike; the ratio is that of their processor time, the median of
all turns. Payloads are handed to discord.py's parser as the gateway's reader would; nobody is to
be answered, so no request to Discord is in the figures. The simulator idles in the same process.
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
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
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

    async def flood(self, count: int) -> dict[str, float]:
        """Answer messages a second, and µs of the processor each, when the next comes at once."""
        began_s, used_s = time.perf_counter(), time.process_time()
        for _ in range(count):
            self.feed()
            await self.drain(AT_ONCE)
        await self.drain()
        took_s, used_s = time.perf_counter() - began_s, time.process_time() - used_s
        return {"per_s": count / took_s, "cpu_us": used_s / count * 1e6}

    async def pace(self, count: int, per_s: float) -> dict[str, float]:
        """Answer quantiles in milliseconds when messages come at a steady rate."""
        self._took_ms.clear()
        self._is_paced = True
        began_s = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, began_s + number / per_s - time.perf_counter()))
            self.feed()
        await self.drain()
        self._is_paced = False
        took_ms = sorted(self._took_ms)
        return {"p50_ms": took_ms[len(took_ms) // 2], "p99_ms": took_ms[int(len(took_ms) * 0.99)]}

    async def grow(self, count: int) -> dict[str, float]:
        """Answer the memory before and after so many messages, in MiB."""
        await self.flood(count // 5)
        before_mib = memory_mib()
        await self.flood(count)
        return {"before_mib": before_mib, "after_mib": memory_mib()}


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


async def serve(plugins: Sequence[str], *, rules: bool) -> None:
    """Be one of the two: measure what each line of the input asks for, and print the answer."""
    async with bot_with(plugins, rules=rules) as traffic:
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, *numbers = orjson.loads(line)
            print(orjson.dumps(await getattr(traffic, verb)(*numbers)).decode(), flush=True)


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that measures when it is asked to, and idles otherwise."""

    process: subprocess.Popen[str]

    def ask(self, verb: str, *numbers: float) -> dict[str, float]:
        """Answer the figures; *verb* is a method of `Traffic`."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for
        self.process.stdin.write(orjson.dumps([verb, *numbers]).decode() + "\n")
        self.process.stdin.flush()
        answer: dict[str, float] = orjson.loads(self.process.stdout.readline())
        return answer


@contextlib.contextmanager
def worker(kind: str, plugins: Sequence[str]) -> Iterator[Worker]:
    """Yield the ``bare`` or the ``full`` one."""
    command = [sys.executable, "-m", "bench.pipeline", "--worker", kind, "--plugins", *plugins]
    with subprocess.Popen(  # noqa: S603 - this very program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Worker(process)  # which ends with its input


def compared(bare: Worker, full: Worker, options: argparse.Namespace) -> dict[str, float]:
    """Answer medians of the turns: A B, B A, A B, …"""
    turns: list[dict[str, dict[str, float]]] = []
    for number in range(options.rounds):
        pair = [("bare", bare), ("full", full)]
        turn = {
            name: each.ask("flood", options.messages)
            for name, each in (pair if number % 2 else pair[::-1])
        }
        turns.append(turn)
    ratios = [turn["bare"]["cpu_us"] / turn["full"]["cpu_us"] for turn in turns]
    medians = {
        f"{name}_{key}": statistics.median([turn[name][key] for turn in turns])
        for name in ("bare", "full")
        for key in ("per_s", "cpu_us")
    }
    spread = (max(ratios) - min(ratios)) / 2
    return {**medians, "ratio": statistics.median(ratios), "spread": spread}


def measure(options: argparse.Namespace, plugins: Sequence[str]) -> bool:
    """Print the figures; answers whether all targets are met."""
    growth = 0.0
    with worker("bare", ()) as bare, worker("full", plugins) as full:
        found = compared(bare, full, options)
        paced = full.ask("pace", round(10 * options.rate), options.rate)
        if options.memory:
            memory = full.ask("grow", options.memory)
            growth = memory["after_mib"] / memory["before_mib"] - 1
            print(f"memory {memory['before_mib']:.0f} MiB, ", end="")
            print(f"after {options.memory} more messages {growth:+.1%}")
    for name, what in (("bare", "bare runtime"), ("full", f"{len(plugins)} plugins, all rules")):
        print(f"{what:22} {found[f'{name}_per_s']:7.0f} messages/s,", end=" ")
        print(f"{found[f'{name}_cpu_us']:.0f} µs of the processor each")
    print(f"ratio {found['ratio']:.2f} (from turn to turn ± {found['spread']:.2f}),", end=" ")
    print(f"target ≥ {TARGET_PER_S:.0f} messages/s")
    print(f"at {options.rate:.0f} messages/s: p50 {paced['p50_ms']:.2f} ms,", end=" ")
    print(f"p99 {paced['p99_ms']:.2f} ms (target ≤ {TARGET_P99_MS:.0f})")
    return (
        found["full_per_s"] >= TARGET_PER_S
        and paced["p99_ms"] <= TARGET_P99_MS
        and growth <= TARGET_GROWTH
    )


def main() -> int:
    """Print the figures; answers 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="turns of each bot")
    parser.add_argument("--messages", type=int, default=2000, help="of one turn")
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--memory", type=int, default=0, help="messages to watch memory over")
    parser.add_argument("--plugins", nargs="*", help="other than all there are")
    parser.add_argument("--worker", choices=("bare", "full"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    if options.worker:
        asyncio.run(serve(options.plugins, rules=options.worker == "full"))
        return 0
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # which the workers inherit
    there = [name for _, name, _ in pkgutil.iter_modules(bot.plugins.__path__)]
    plugins = options.plugins if options.plugins is not None else there
    met = measure(options, [name for name in plugins if f"bot.plugins.{name}" not in ALWAYS])
    print(f"targets {'met' if met else 'missed'}")
    return int(not met)


if __name__ == "__main__":
    raise SystemExit(main())
