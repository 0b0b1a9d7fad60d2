"""Hostile input in numbers: how many inputs each parser stands, how fast, and with what memory.

    python -m bench.fuzz [--inputs 100000] [--surface heartbeat] [--seed 1]

Each surface of `tests/fuzz/` gets a process of its own. An input that finds something is saved as
a file for `tests/fuzz/corpus/`. Ends with 1 when anything was found.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import logging
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.database import InMemoryExampleDatabase

from tests.fuzz.memory import PeakMemory
from tests.fuzz.registry import SURFACES
from tests.fuzz.surface import MAX_GROWTH_BYTES, Check, Input, Surface, corpus, dump, hold

GENERATED = 500  # inputs for each run of hypothesis: what it remembers of them grows
WARM_UP = 300  # inputs before memory is looked at
HANG_S = 20.0
STUCK_S = 120.0
MAX_SAVED = 20


class HangError(AssertionError):
    """An input that was ended after `HANG_S`."""


@dataclass
class Run:
    """What one surface stood."""

    surface: Surface
    findings: Path
    inputs: int = 0
    busy_s: float = 0.0
    slowest_s: float = 0.0
    slowest: Input = ()
    failures: dict[str, int] = field(default_factory=dict)

    def take(self, check: Check, given_input: Input) -> None:
        """Hold one input to its limits; what it finds is kept and told once."""
        began_s = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, HANG_S)
        try:
            took_s = hold(check, given_input)
        except Exception as error:  # noqa: BLE001 - whatever comes is a finding
            took_s = 0.0
            self._keep(error, given_input)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.inputs += 1
        self.busy_s += time.perf_counter() - began_s
        if took_s > self.slowest_s:
            self.slowest_s, self.slowest = took_s, given_input

    def _keep(self, error: Exception, given_input: Input) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        if isinstance(error, AssertionError):
            name += f" {str(error).strip()[-70:]}"
        self.failures[name] = self.failures.get(name, 0) + 1
        if self.failures[name] > 1 or len(self.failures) > MAX_SAVED:
            return
        text = dump(given_input)
        path = self.findings / self.surface.name
        path.mkdir(parents=True, exist_ok=True)
        path /= f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
        path.write_text(text, encoding="utf-8")
        print(f"{self.surface.name}: {name}: {str(error)[:300]}\n  saved as {path}", flush=True)
        traceback.print_exception(error, limit=-6)


def _hung(_signal: int, _frame: Any) -> None:
    raise HangError(f"not over after {HANG_S} s")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let parsers log what they like: nobody reads it here."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=False,
    )
    logging.disable(logging.INFO)
    signal.signal(signal.SIGALRM, _hung)
    yield


def generate(run: Run, check: Check, inputs: int, first_seed: int) -> None:
    """Let hypothesis make *inputs* and take each."""

    @seed(first_seed)
    @settings(
        max_examples=inputs,
        deadline=None,
        phases=[Phase.generate],
        database=InMemoryExampleDatabase(),
        suppress_health_check=list(HealthCheck),
    )
    @given(run.surface.inputs)
    def take(made: Input) -> None:
        run.take(check, made)

    take()


def fuzz(surface: Surface, inputs: int, first_seed: int, findings: Path) -> Run:
    """Run the corpus, then *inputs* generated ones."""
    run, memory, growth_bytes = Run(surface, findings), None, 0
    number = first_seed * 1_000_003
    with _quiet():
        while run.inputs < inputs:
            faulthandler.dump_traceback_later(STUCK_S + 600.0, exit=True)
            with surface.opened() as check:
                for _, kept in corpus(surface.name) if not run.inputs else ():
                    run.take(check, kept)
                until = min(inputs, run.inputs + surface.batch)
                while (left := until - run.inputs) > 0:
                    before = run.inputs
                    generate(run, check, min(left, GENERATED), number)
                    number += 1
                    if run.inputs == before:
                        break
                    if memory is None and run.inputs >= WARM_UP:
                        memory = PeakMemory()
        growth_bytes = memory.growth_bytes() if memory is not None else 0
    report(run, growth_bytes)
    if growth_bytes > MAX_GROWTH_BYTES:
        run.failures["memory"] = 1
    return run


def report(run: Run, growth_bytes: int) -> None:
    """Print one line of numbers."""
    print(
        f"{run.surface.name:<16} {run.inputs:>8} inputs {run.inputs / run.busy_s:>8.0f} /s"
        f"  slowest {1000 * run.slowest_s:>7.1f} ms  memory +{growth_bytes / 2**20:>6.1f} MiB"
        f"  findings {sum(run.failures.values())} in {len(run.failures)} places",
        flush=True,
    )


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="for each surface")
    parser.add_argument("--surface", choices=sorted(SURFACES), action="append", help="all without")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("logs/fuzz"), help="where they go")
    options = parser.parse_args()
    chosen: list[str] = options.surface or list(SURFACES)
    if len(chosen) == 1:
        run = fuzz(SURFACES[chosen[0]], options.inputs, options.seed, options.findings.absolute())
        return 1 if run.failures else 0
    arguments = ["--inputs", options.inputs, "--seed", options.seed, "--findings", options.findings]
    codes = [
        subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-m", "bench.fuzz", "--surface", name, *map(str, arguments)],
            check=False,
        ).returncode
        for name in chosen
    ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
