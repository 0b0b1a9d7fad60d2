"""Fixtures that all tests share."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes import FakeClock

if TYPE_CHECKING:
    from tests.postgresql import Server

TIMES = pytest.StashKey[dict[int, float]]()

# How many examples a property is tried with: some each time, many with `./test.sh --all`. A busy
# machine is no reason to fail.
settings.register_profile(
    "quick", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("deep", settings.get_profile("quick"), max_examples=200)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `python -m bench.faults`, and which database the community has."""
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what the bot of tests/community keeps its data in",
    )
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


def pytest_collection_finish() -> None:
    """Let no garbage collection look at what was imported and collected: that stays."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def clock() -> FakeClock:
    """Answer a monotonic clock that moves when told to."""
    return FakeClock()


@pytest.fixture(scope="session")
def _postgresql_server() -> Iterator[Server | None]:
    """The server that the tests of this process share."""
    from tests.postgresql import serving

    with serving() as server:
        yield server


@pytest.fixture
def postgresql(_postgresql_server: Server | None) -> Iterator[str]:
    """The `DATABASE_URL` of an empty database in PostgreSQL, gone after the test."""
    if _postgresql_server is None:
        pytest.skip("no PostgreSQL server here; .ci/run installs one")
    with _postgresql_server.database() as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """The `DATABASE_URL` of the bot under test; empty for SQLite in its state folder."""
    if request.config.getoption("--database") == "sqlite":
        return ""
    return str(request.getfixturevalue("postgresql"))
