"""Process start → first answer, ours beside a minimal discord.py bot.

    .venv/bin/python -m bench.startup [--rounds 10]

The same bot is started alone and under our runtime, turn by turn, against the same simulator.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from bench.rig import PLAIN, installed, spread, start_plain, until_answered
from bot.settings import BotSettings
from tests.system.installation import Installation

TARGET_OVER_PLAIN_S, READY_TARGET_S, IMPORT_TARGET_S = 0.25, 1.2, 0.7


def ours(installation: Installation) -> subprocess.Popen[bytes]:
    """Start the same bot under our runtime, without supervisord."""
    return installation.start(*installation.python("bot"), env={})


def started(installation: Installation, process: subprocess.Popen[bytes], began_s: float) -> float:
    """Answer the seconds from *began_s* to the first answer, and end the process."""
    answered_s = until_answered(installation)
    if answered_s is None:
        raise RuntimeError(f"never answered\n{installation.tails()[-4000:]}")
    process.terminate()
    process.wait(20)
    return answered_s - began_s


def readies_s(installation: Installation) -> list[float]:
    """Answer when each start of ours had processed READY, in seconds since its process began."""
    told = [each for each in installation.records("bot.jsonl") if each["event"] == "bot.ready"]
    return [float(each["stages_s"]["ready"]) for each in told]


def import_s() -> float:
    """Answer the seconds in which a new interpreter imports the bot and all its plugins."""
    modules = ["bot.client", "bot.services", *BotSettings.model_fields["plugins"].default]
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", program, *modules], check=True)  # noqa: S603 - our own words
    return time.monotonic() - began_s


def main() -> int:
    """Print the table; answers 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    novera_s: list[float] = []
    plain_s: list[float] = []
    settings = {"BOT_FACTORY": f"{PLAIN}:bot", "IDENTIFY_MAX_10_MIN": 100}
    with installed(**settings) as installation:
        for _ in range(options.rounds + 1):
            began_s = time.monotonic()
            plain_s.append(started(installation, start_plain(installation), began_s))
            began_s = time.monotonic()
            novera_s.append(started(installation, ours(installation), began_s))
        ready_s = readies_s(installation)
    imports_s = [import_s() for _ in range(options.rounds + 1)]
    for times_s in (novera_s, plain_s, ready_s, imports_s):
        del times_s[0]  # the first round warms the disk's cache
    over_s = statistics.median(novera_s) - statistics.median(plain_s)
    print(f"start → answered   Novera            {spread(novera_s)}")
    print(f"                   plain discord.py  {spread(plain_s)}")
    print(f"                   difference        {over_s:6.2f} s")
    print(f"start → READY processed, Novera      {spread(ready_s)}")
    print(f"import with all plugins              {spread(imports_s)}")
    missed = (
        over_s > TARGET_OVER_PLAIN_S
        or statistics.median(ready_s) > READY_TARGET_S
        or statistics.median(imports_s) > IMPORT_TARGET_S
    )
    print(
        f"targets: at most {TARGET_OVER_PLAIN_S} s over plain, READY ≤ {READY_TARGET_S} s,"
        f" import ≤ {IMPORT_TARGET_S} s:",
        "missed" if missed else "met",
    )
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
