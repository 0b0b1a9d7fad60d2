"""What the heartbeat costs: delay of the event loop, and CPU, with and without it in one run.

    python -m bench.heartbeat [--seconds 5] [--rounds 3]

Rounds alternate, so that whatever else the machine does falls on both sides. Ends with 1 when a
limit is missed: 1 ms at p99 of the loop, 0.3 % of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import math
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.sources import Sources
from bot.heartbeat.writer import HeartbeatWriter
from bot.tasks.manager import TaskManager
from watchdog.heartbeat.schema import Bot, Gateway

MAX_ADDED_MS = 1.0
MAX_CPU_PERCENT = 0.3
PROBE_S = 0.002  # how often the loop is asked how late it is


@dataclass
class Side:
    """Measurements with, or without, the heartbeat."""

    lags_ms: list[float] = field(default_factory=list)
    turns_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    elapsed_s: float = 0.0

    @property
    def cpu_percent(self) -> float:
        """Share of one core that the idle process used."""
        return 100 * self.cpu_s / self.elapsed_s


def busy_sources(tasks: TaskManager) -> Sources:
    """Answer the sources of a bot that has a lot to tell: many names of tasks, many guilds."""
    gateway = Gateway(connected=True, latency_ms=41.0, last_event_age_s=0.1, identifies=1)
    return Sources(
        state=lambda: "ready",
        gateway=lambda: gateway,
        tasks=tasks.snapshot,
        bot=lambda: Bot(guilds=900, members=250_000),
        stages=lambda: {"imports": 0.2, "settings": 0.3, "login": 0.6, "ready": 1.1},
    )


async def fill(tasks: TaskManager) -> None:
    """Let tasks of as many names as are told at most have run, a few of each."""
    for letter in "abcdefgh":
        for other in "ijklmnop":
            for _ in range(5):
                await tasks.create_task(asyncio.sleep(0.0), name=f"plugin-{letter}{other}-event")


class Measured(HeartbeatWriter):
    """A writer that notes the CPU time of each beat: as long it may hold the interpreter."""

    beats_ms: list[float]

    def _write(self, path: Path, raw: bytes) -> bool:
        written = super()._write(path, raw)
        now_ms = 1000 * time.thread_time()
        if self._seen_ms is not None:
            self.beats_ms.append(now_ms - self._seen_ms)
        self._seen_ms = now_ms
        return written

    _seen_ms: float | None = None


@contextlib.asynccontextmanager
async def heartbeat(path: Path, tasks: TaskManager, beats_ms: list[float]) -> AsyncIterator[None]:
    """Run pulse and writer as the bot does."""
    async with LoopPulse() as pulse:
        writer = Measured(path, interval_s=1.0, sources=busy_sources(tasks), pulse=pulse)
        writer.beats_ms = beats_ms
        writer.start()
        try:
            yield
        finally:
            writer.stop()


async def measure_lags(side: Side, seconds: float) -> None:
    """Ask the loop for a timer again and again; note how late each one came."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    while (now_s := loop.time()) < end_s:
        due_s = now_s + PROBE_S
        done = loop.create_future()
        loop.call_at(due_s, done.set_result, None)
        await done
        side.lags_ms.append(1000 * (loop.time() - due_s))


async def measure_turns(side: Side, seconds: float) -> None:
    """Let the loop turn as fast as it can; note how long each turn took."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    while (began_s := loop.time()) < end_s:
        done = loop.create_future()
        loop.call_later(0, done.set_result, None)
        await done
        side.turns_ms.append(1000 * (loop.time() - began_s))


async def measure_cpu(side: Side, seconds: float) -> None:
    """Do nothing; note the CPU time that the process used all the same."""
    began_s, began_cpu_s = time.monotonic(), cpu_seconds()
    await asyncio.sleep(seconds)
    side.cpu_s += cpu_seconds() - began_cpu_s
    side.elapsed_s += time.monotonic() - began_s


def cpu_seconds() -> float:
    """CPU time of all threads, the kernel's share included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(side: Side, seconds: float) -> None:
    """Take all three measurements one after the other."""
    await measure_lags(side, seconds)
    await measure_turns(side, seconds)
    await measure_cpu(side, seconds)


def quantile(values: Sequence[float], share: float) -> float:
    """Nearest rank; 0 without values."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0


def stamp_cost_ms() -> float:
    """Answer what one pulse costs the loop, in ms at p99."""
    pulse, costs = LoopPulse(), []
    for _ in range(5000):
        began_s = time.perf_counter()
        pulse.stamp()
        costs.append(1000 * (time.perf_counter() - began_s))
    return quantile(costs, 0.99)


def report(without: Side, with_it: Side, beats_ms: Sequence[float]) -> bool:
    """Print the table; answer whether every limit holds."""
    print(f"{'':34}{'without':>12}{'with':>12}{'added':>12}")
    added: list[float] = []
    for name, before, after in (
        ("timer lag", without.lags_ms, with_it.lags_ms),
        ("turn of a busy loop", without.turns_ms, with_it.turns_ms),
    ):
        for share, title in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
            b, a = quantile(before, share), quantile(after, share)
            print(f"{f'{name} {title}, ms':34}{b:>12.3f}{a:>12.3f}{a - b:>+12.3f}")
            if share == 0.99:
                added.append(a - b)
    cpu = with_it.cpu_percent - without.cpu_percent
    print(
        f"{'CPU of an idle process, %':34}{without.cpu_percent:>12.3f}"
        f"{with_it.cpu_percent:>12.3f}{cpu:>+12.3f}"
    )
    beat_ms, stamp_ms = quantile(beats_ms, 0.99), stamp_cost_ms()
    print(f"{'CPU time of a beat p50, ms':34}{quantile(beats_ms, 0.5):>24.3f}")
    print(f"{'CPU time of a beat p99, ms':34}{beat_ms:>24.3f}   ({len(beats_ms)} beats)")
    print(f"{'pulse in the loop p99, ms':34}{stamp_ms:>24.4f}")
    holds = max(added) <= MAX_ADDED_MS and stamp_ms <= MAX_ADDED_MS and cpu <= MAX_CPU_PERCENT
    limits = f"at most {MAX_ADDED_MS} ms at p99 and {MAX_CPU_PERCENT} % of one core"
    print(f"{'holds' if holds else 'MISSED'}: {limits}")
    return holds


async def run(seconds: float, rounds: int) -> bool:
    """Measure both sides in turn and report."""
    without, with_it, beats_ms = Side(), Side(), list[float]()
    async with TaskManager() as tasks:
        await fill(tasks)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state" / "heartbeat.json"
            for _ in range(rounds):
                await measure(without, seconds)
                async with heartbeat(path, tasks, beats_ms):
                    await measure(with_it, seconds)
    return report(without, with_it, beats_ms)


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="how often both sides are measured")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return 0 if asyncio.run(run(options.seconds, options.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
