"""Random storms: seeded faults over the real system, or thousands of steps over the pure parts.

    .venv/bin/python -m bench.storm [--minutes 10] [--seed 1]
    .venv/bin/python -m bench.storm --pure [--steps 10000] [--seed 1]

Never two that lead, never a signal to a stranger, never beyond a budget, stopped stays stopped,
every incident closes, and after the last fault the bot answers within 15 s. Ends with 1 when one of
these does not hold; the same seed makes the same choices.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bench.rig import installed
from bench.soak import explanations
from tests.storm import live, rules
from tests.system.roles import wait_leader, wait_spare

STEPS_A_STORM = 40
ROWS = ("sent", "answered", "lost", "twice", "silence_s")


def pure(options: argparse.Namespace) -> int:
    """Blow over the made-up machine; hypothesis prints the steps of a storm that goes wrong."""
    storms = max(1, options.steps // STEPS_A_STORM)
    began_s = time.monotonic()

    @seed(options.seed)
    class Storm(rules.Storm):
        """A storm of this seed."""

    chosen = settings(
        max_examples=storms,
        stateful_step_count=STEPS_A_STORM,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    run_state_machine_as_test(Storm, settings=chosen)
    took_s = time.monotonic() - began_s
    print(f"seed {options.seed}: {storms} storms of {STEPS_A_STORM} steps, {took_s:.0f} s: met")
    return 0


def real(options: argparse.Namespace) -> int:
    """Blow over supervisord, watchdog, bot and spare, under a light load."""
    say = functools.partial(print, flush=True)
    say(f"seed {options.seed}, {options.minutes:g} minutes")
    for_s = options.minutes * 60
    with installed(**live.SETTINGS) as installation:
        installation.start_supervisord()
        wait_leader(installation)
        wait_spare(installation)
        simulator = installation.simulator
        simulator.load(rate_per_s=live.LOAD_PER_S, messages=round(live.LOAD_PER_S * for_s))
        storm = live.Storm(installation, seed=options.seed, say=say)
        storm.run(for_s)
        tally, gateway = simulator.tally(), simulator.stats()["gateway"]
        wrongs = [*storm.wrongs, *installation.misuses()]
        if wrongs:
            sys.stderr.write(installation.tails())
        why = explanations(installation)
    say("messages: " + ", ".join(f"{name} {tally[name]:g}" for name in ROWS))
    say(f"sessions that ended, after which messages may be missing: {len(why)}")
    say(f"{storm.done} faults, IDENTIFYs {gateway['identify']}, resumes {gateway['resumed']}")
    say("invariants: " + ("met" if not wrongs else "missed: " + "; ".join(wrongs)))
    return int(bool(wrongs))


def main() -> int:
    """Blow; answers 1 when an invariant does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pure", action="store_true", help="over the pure parts, a false clock")
    parser.add_argument("--steps", type=int, default=10_000)
    options = parser.parse_args()
    return pure(options) if options.pure else real(options)


if __name__ == "__main__":
    sys.exit(main())
