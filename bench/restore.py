"""How long a new process takes to have the cache of the one that died, and how that grows.

    python -m bench.restore [--rounds 5]

Reads a journal and restores a client from it, as a start does after a kill. Ends with 1 when a
limit is missed: 50 ms for 1 guild of 119 members, 3 s for 1,000 guilds of 100.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import orjson
import structlog
from simcord.backend import Backend, serializers

from bot.gateway.journal.keeper import SessionJournal
from bot.gateway.journal.reading import Saved, load
from bot.gateway.restore import restore
from bot.gateway.session import Dispatch, Session

CHANNELS = 10  # of each guild
FINGERPRINT = "benchmark"
LIMIT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A bot to restore; *limit_ms* for reading and restoring, None for none."""

    guilds: int
    members: int
    limit_ms: float | None = None


SIZES = (
    Size(guilds=1, members=119, limit_ms=50.0),
    Size(guilds=10, members=100),
    Size(guilds=100, members=100),
    Size(guilds=1000, members=100, limit_ms=3000.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One round, in milliseconds, and the longest that the loop had to wait meanwhile."""

    read_ms: float
    restore_ms: float
    blocked_ms: float
    size_bytes: int


def events(size: Size) -> Iterator[tuple[str, dict[str, Any]]]:
    """Answer name and data of what a session begins with: READY, and every guild in full."""
    backend = Backend()
    first = backend.snowflake() + 1_000_000
    numbers = range(first, first + size.guilds)
    known = [{"id": str(number), "unavailable": True} for number in numbers]
    own = serializers.user_payload(backend.bot_user)
    yield "READY", {"user": own, "guilds": known, "session_id": "benchmark"}
    for number in numbers:
        guild = backend.create_guild(f"guild-{number}", id=number)
        for place in range(CHANNELS):
            backend.create_channel(guild.id, f"channel-{place}")
        for person in range(size.members - len(guild.members)):
            backend.add_member(guild.id, backend.make_user(f"person-{person}").id)
        yield "GUILD_CREATE", dict(serializers.guild_create_payload(backend, guild))
        backend.remove_guild(number)


async def record(folder: Path, size: Size) -> None:
    """Write the journal of such a bot."""
    journal = SessionJournal(
        folder, fingerprint=FINGERPRINT, max_bytes=LIMIT_BYTES, max_events=LIMIT_BYTES
    )
    for sequence, (name, data) in enumerate(events(size), start=1):
        raw = orjson.dumps({"op": 0, "t": name, "s": sequence, "d": data}).decode()
        event = Dispatch(shard_id=0, sequence=sequence, name=name, raw=raw, data=data)
        journal.on_dispatch(event)
        if name == "READY":
            journal.on_session(0, Session(session_id="benchmark", sequence=1, address=None))
        await journal.flush()
    await journal.close(clean=False)


async def measure(folder: Path) -> Measured:
    """Read the journal and restore a new client from it."""
    client = discord.Client(intents=discord.Intents.all())
    await client._async_setup_hook()
    gc.collect()
    waits_ms, is_over = list[float](), False

    async def probe() -> None:
        while not is_over:
            began_s = time.perf_counter()
            await asyncio.sleep(0)
            waits_ms.append(1000 * (time.perf_counter() - began_s))

    began_s = time.perf_counter()
    saved = {
        shard_id: one
        for shard_id, one in (await asyncio.to_thread(load, folder, FINGERPRINT)).items()
        if isinstance(one, Saved)
    }
    read_s = time.perf_counter()
    probing = asyncio.create_task(probe())
    await restore(client, saved, is_partial=False)
    restored_s = time.perf_counter()
    is_over = True
    await probing
    restore_ms = 1000 * (restored_s - read_s)
    return Measured(
        read_ms=1000 * (read_s - began_s),
        restore_ms=restore_ms,
        blocked_ms=max(waits_ms, default=restore_ms),
        size_bytes=sum(len(event.raw) for one in saved.values() for event in one.events),
    )


def show(size: Size, rounds: list[Measured]) -> bool:
    """Print the medians; answer whether the limit holds."""
    read_ms = statistics.median(each.read_ms for each in rounds)
    restore_ms = statistics.median(each.restore_ms for each in rounds)
    blocked_ms = statistics.median(each.blocked_ms for each in rounds)
    both_ms = statistics.median(each.read_ms + each.restore_ms for each in rounds)
    holds = size.limit_ms is None or both_ms <= size.limit_ms
    limit = "" if size.limit_ms is None else f"{'≤' if holds else 'MISSED:'} {size.limit_ms:g}"
    members = size.guilds * size.members
    print(
        f"{size.guilds:>6}{size.members:>9}{rounds[0].size_bytes / 1e6:>9.2f}{read_ms:>10.1f}"
        f"{restore_ms:>12.1f}{both_ms:>10.1f}{1000 * both_ms / members:>13.1f}{blocked_ms:>12.1f}"
        f"   {limit}"
    )
    return holds


async def run(rounds: int) -> bool:
    """Measure every size and report."""
    print(
        f"{'guilds':>6}{'members':>9}{'MB':>9}{'read, ms':>10}{'restore, ms':>12}{'both, ms':>10}"
        f"{'µs/member':>13}{'blocks, ms':>12}"
    )
    holds = True
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            await record(Path(folder), size)
            measured = [await measure(Path(folder)) for _ in range(rounds)]
        holds = show(size, measured) and holds
    return holds


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each size is measured")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return 0 if asyncio.run(run(options.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
