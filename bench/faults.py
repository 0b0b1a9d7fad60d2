"""Run the tests of faults alone, one after the other, and write docs/faults.md with their times.

    python -m bench.faults [--only 4 --only 10]

Alone, since a time that was taken beside other tests says more of them. Each test holds its time to
what the row allows; the table is written even when one fails, with the times there are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fault_table import render, rows, times_in
from tests.sources import ROOT, sources

DOCUMENT = ROOT / "docs/faults.md"


def measure(numbers: list[int]) -> tuple[int, dict[int, float]]:
    """Run the tests of *numbers* (of all, when there are none); answers pytest's code, and times.

    Times are in seconds, by number.
    """
    chosen = " or ".join(f"test_fault_{number:02}_" for number in numbers)
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        command = [sys.executable, "-m", "pytest", "tests/system", "-m", "fault", "-v"]
        command += ["-p", "no:xdist", "--fault-times", str(times), "-k", chosen or "test_fault_"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own
        found = json.loads(times.read_text(encoding="utf-8"))
    return code, {int(number): took_s for number, took_s in found.items()}


def main() -> int:
    """Measure, write the table, and answer pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=int, action="append", default=[], metavar="NUMBER")
    numbers: list[int] = parser.parse_args().only
    code, times_s = measure(numbers)
    before = times_in(DOCUMENT.read_text(encoding="utf-8")) if DOCUMENT.exists() else {}
    kept = before if numbers else {}
    DOCUMENT.write_text(
        render(rows(sources("tests/system")), {**kept, **times_s}), encoding="utf-8"
    )
    return code


if __name__ == "__main__":
    raise SystemExit(main())
