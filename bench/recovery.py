"""Kill → next answer and hang → next answer, ours beside a plain bot under supervisord.

    .venv/bin/python -m bench.recovery [--rounds 10] [--hung-after-s 5]

Both run against simulators in the same run, turn by turn. A plain bot that hangs never comes back.
Ours answers others after T; the command that hangs is tried once more, then set aside, and the next
round waits for that. `bench.takeover` measures the same in milliseconds.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import time
from collections.abc import Callable

from bench.rig import (
    PLAIN,
    installed,
    running_pid,
    spread,
    start_supervised_plain,
    until_answered,
)
from tests.system.installation import Installation, until
from tests.system.roles import wait_leader, wait_spare

CALM_S = 2.5  # between two rounds: the watchdog forgives, supervisord calls the program running
PLAIN_HANG_WATCHED_S = 20.0
KILL_TARGET_S, HANG_TARGET_OVER_T_S = 0.1, 0.6


def killed(installation: Installation, pid: int) -> float:
    """Answer the seconds from SIGKILL to the next answer."""
    began_s = time.monotonic()
    installation.kill(pid, signal.SIGKILL)
    return answered_after(installation, began_s)


def hung(installation: Installation) -> float:
    """Answer the seconds from the call that blocks to the next answer."""
    set_aside = len(installation.records("quarantine.jsonl"))
    began_s = time.monotonic()
    installation.simulator.say("!hang")
    took_s = answered_after(installation, began_s)
    until(
        lambda: len(installation.records("quarantine.jsonl")) > set_aside,
        "the command is set aside",
        within_s=60.0,
    )
    wait_spare(installation)
    return took_s


def answered_after(installation: Installation, began_s: float) -> float:
    """Answer the seconds from *began_s* to the next answer."""
    answered_s = until_answered(installation)
    if answered_s is None:
        raise RuntimeError(f"never answered again\n{installation.tails()[-4000:]}")
    return answered_s - began_s


def rounds(count: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Measure turn by turn, so that a busy moment of the machine meets each alike."""
    taken: list[list[float]] = [[] for _ in measures]
    for _ in range(count):
        for times_s, measure in zip(taken, measures, strict=True):
            times_s.append(measure())
            time.sleep(CALM_S)
    return taken


def settings(hung_after_s: float) -> dict[str, object]:
    """Answer those of our installation: each round is to be the first failure of a healthy bot."""
    return {
        "BOT_FACTORY": f"{PLAIN}:bot",
        "HUNG_AFTER_S": hung_after_s,
        "FROZEN_AFTER_S": hung_after_s,
        "FORGIVEN_AFTER_S": 1,
        "MAX_RESTARTS": 100,
        "IDENTIFY_MAX_10_MIN": 100,
    }


def main() -> int:
    """Print both tables; answers 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--hung-after-s", type=float, default=5.0)
    options = parser.parse_args()
    hung_after_s = options.hung_after_s
    with installed(**settings(hung_after_s)) as ours, installed() as plain:
        ours.start_supervisord()
        start_supervised_plain(plain)
        ours.wait_ready()
        until_answered(plain)
        time.sleep(CALM_S)
        kills, plain_kills = rounds(
            options.rounds,
            lambda: killed(ours, wait_leader(ours).pid),
            lambda: killed(plain, running_pid(plain, PLAIN)),
        )
        (hangs,) = rounds(options.rounds, lambda: hung(ours))
        plain.simulator.say("!hang")
        plain_back = until_answered(plain, within_s=PLAIN_HANG_WATCHED_S)
    kill_s, hang_s = statistics.median(kills), statistics.median(hangs)
    print(f"kill -9 → answered   Novera               {spread(kills)}")
    print(f"                     supervisord, plain   {spread(plain_kills)}")
    print(
        f"                     ratio                {kill_s / statistics.median(plain_kills):6.2f}"
    )
    print(f"hang → answered      Novera, T = {hung_after_s:g} s     {spread(hangs)}")
    told = "came back" if plain_back else f"no answer in {PLAIN_HANG_WATCHED_S:g} s, nor ever"
    print(f"                     supervisord, plain   {told}")
    missed = kill_s > KILL_TARGET_S or hang_s > hung_after_s + HANG_TARGET_OVER_T_S
    print(f"targets: kill ≤ {KILL_TARGET_S} s, hang ≤ T + {HANG_TARGET_OVER_T_S:g} s:", end=" ")
    print("missed" if missed else "met")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
