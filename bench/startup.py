"""Process start → first answer, ours beside a minimal discord.py bot.

    .venv/bin/python -m bench.startup [--rounds 10]

The same bot is started alone and under our runtime, and beside it Novera as people run it, with all
plugins of its own and its database; turn by turn, each against a simulator.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from bench.rig import PLAIN, installed, spread, start_plain, until_answered
from bot.settings import BotSettings
from tests.system.installation import Installation, until

LIMITS = {"IDENTIFY_MAX_10_MIN": 100}
TARGET_OVER_PLAIN_S, READY_TARGET_S, IMPORT_TARGET_S = 0.25, 1.2, 0.7

Start = Callable[[Installation], "subprocess.Popen[bytes]"]


def ours(installation: Installation) -> subprocess.Popen[bytes]:
    """Start a bot under our runtime, without supervisord."""
    return installation.start(*installation.python("bot"), env={})


def readies_s(installation: Installation) -> list[float]:
    """Answer when each start of ours had processed READY, in seconds since its process began."""
    told = [each for each in installation.records("bot.jsonl") if each["event"] == "bot.ready"]
    return [float(each["stages_s"]["ready"]) for each in told]


def is_done(installation: Installation, pid: int) -> bool:
    """Answer whether the process is ready, and nothing is left to do of what came."""
    beat = installation.beat()
    ready = beat is not None and beat.pid == pid and beat.state == "ready"
    return beat is not None and ready and beat.gateway.journal.unfinished == 0


def import_s() -> float:
    """Answer the seconds in which a new interpreter imports the bot and all its plugins."""
    modules = ["bot.client", "bot.services", *BotSettings.model_fields["plugins"].default]
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", program, *modules], check=True)  # noqa: S603 - our own words
    return time.monotonic() - began_s


def timed(installation: Installation, start: Start) -> float:
    """Start a process, answer the seconds to its first answer, and end it."""
    began_s = time.monotonic()
    process = start(installation)
    answered_s = until_answered(installation)
    if answered_s is None:
        raise RuntimeError(f"never answered\n{installation.tails()[-4000:]}")
    if start is ours:  # ended in the middle of what it was asked, it would leave that to the next
        until(lambda: is_done(installation, process.pid), "it is ready and has handled everything")
    process.terminate()
    process.wait(20)
    return answered_s - began_s


def main() -> int:
    """Print the table; answers 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    plain_s, small_s, own_s, imports_s = [], [], [], []
    with (
        installed(BOT_FACTORY=f"{PLAIN}:bot", **LIMITS) as small,
        installed(**LIMITS) as own,
    ):
        for _ in range(rounds + 1):  # the first one warms the disk's cache, and makes the tables
            plain_s.append(timed(small, start_plain))
            small_s.append(timed(small, ours))
            own_s.append(timed(own, ours))
            imports_s.append(import_s())
        ready_s, own_ready_s = readies_s(small), readies_s(own)
    for times_s in (plain_s, small_s, own_s, imports_s, ready_s, own_ready_s):
        del times_s[0]
    over_s = statistics.median(small_s) - statistics.median(plain_s)
    print(f"start → answered   plain discord.py      {spread(plain_s)}")
    print(f"                   the same, by Novera   {spread(small_s)}")
    print(f"                   difference            {over_s:6.2f} s")
    print(f"                   all of Novera         {spread(own_s)}")
    print(f"start → READY processed, small bot       {spread(ready_s)}")
    print(f"                         all of Novera   {spread(own_ready_s)}")
    print(f"import with all plugins                  {spread(imports_s)}")
    missed = (
        over_s > TARGET_OVER_PLAIN_S
        or statistics.median(own_ready_s) > READY_TARGET_S
        or statistics.median(imports_s) > IMPORT_TARGET_S
    )
    print(
        f"targets: at most {TARGET_OVER_PLAIN_S} s over plain, READY ≤ {READY_TARGET_S} s with all"
        f" plugins, import ≤ {IMPORT_TARGET_S} s:",
        "missed" if missed else "met",
    )
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
