"""Fixtures that all tests share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import FakeClock

TIMES = pytest.StashKey[dict[int, float]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `python -m bench.faults`, which runs the tests of faults alone."""
    parser.addoption(
        "--fault-times",
        type=Path,
        help="write the times that tests of faults measure to this JSON file, and hold them to it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin without times."""
    config.stash[TIMES] = {}


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the times that were measured."""
    path: Path | None = config.getoption("--fault-times")
    if path is not None:
        path.write_text(json.dumps(config.stash[TIMES]), encoding="utf-8")


@pytest.fixture
def clock() -> FakeClock:
    """Answer a monotonic clock that moves when told to."""
    return FakeClock()
