"""Commands per second, CPU per command and loop lag, with our runtime and without.

    .venv/bin/python -m bench.overhead [--commands 400] [--rounds 5]

The same bot runs alone and under our runtime, turn by turn. Several users ask at once; the
simulator shares the machine, so the CPU time a command costs the bot tells more than the rate.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench.rig import PLAIN, installed, start_plain, until_answered
from bench.startup import ours
from simulator.control import ControlClient
from tests.system.installation import Installation

USERS = 4
TARGET_SHARE = 0.95
TICKS_PER_S = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round's figures."""

    commands_per_s: float
    cpu_ms: float
    lag_p50_ms: float
    lag_p99_ms: float


def cpu_s(pid: int) -> float:
    """Answer the CPU seconds of *pid* so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def ask(url: str, times: int) -> None:
    """Ask *times* times, each after the answer to the one before."""
    with ControlClient(url) as client:
        for _ in range(times):
            client.call("say", content="!ping x", user="alice", channel="general", wait_s=10)


def lag_ms(installation: Installation) -> tuple[float, float]:
    """Answer the lag since the last call, as the bot tells it, once nothing else is under way."""
    time.sleep(0.5)  # a late answer to somebody else would be taken for the one to us
    p50, p99 = installation.simulator.ask("!lag").split()
    return float(p50), float(p99)


def measured(installation: Installation, process: subprocess.Popen[bytes], count: int) -> Round:
    """Answer the figures of one process, and end it."""
    until_answered(installation)
    url = installation.simulator.addresses["url"]
    ask(url, 50)  # warm
    lag_ms(installation)
    cpu_before_s, began_s = cpu_s(process.pid), time.monotonic()
    threads = [threading.Thread(target=ask, args=(url, count // USERS)) for _ in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s, cpu = time.monotonic() - began_s, cpu_s(process.pid) - cpu_before_s
    p50, p99 = lag_ms(installation)
    process.terminate()
    process.wait(20)
    return Round(
        commands_per_s=count / took_s, cpu_ms=cpu * 1000 / count, lag_p50_ms=p50, lag_p99_ms=p99
    )


def line(name: str, rounds: list[Round]) -> str:
    """Answer the medians of *rounds* in one line."""
    rate, cpu_ms, p50, p99 = (
        statistics.median(getattr(each, field) for each in rounds)
        for field in ("commands_per_s", "cpu_ms", "lag_p50_ms", "lag_p99_ms")
    )
    return (
        f"{name:18}{rate:7.0f} commands/s {cpu_ms:7.2f} ms CPU each"
        f"   lag p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    )


def main() -> int:
    """Print the table; answers 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    novera: list[Round] = []
    plain: list[Round] = []
    settings = {"BOT_FACTORY": f"{PLAIN}:bot", "IDENTIFY_MAX_10_MIN": 100}
    with installed(**settings) as installation:
        for _ in range(options.rounds):
            plain.append(measured(installation, start_plain(installation), options.commands))
            novera.append(measured(installation, ours(installation), options.commands))
    shares = [
        with_.commands_per_s / without.commands_per_s
        for with_, without in zip(novera, plain, strict=True)
    ]
    share = statistics.median(shares)
    print(line("Novera", novera))
    print(line("plain discord.py", plain))
    print(f"share of the plain bot's commands per second: {share:.0%}", end=" ")
    print(f"(target at least {TARGET_SHARE:.0%}: {'met' if share >= TARGET_SHARE else 'missed'})")
    return int(share < TARGET_SHARE)


if __name__ == "__main__":
    raise SystemExit(main())
