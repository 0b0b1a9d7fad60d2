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
    "quick", max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
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
def postgresql_server() -> Iterator[Server]:
    """The server that the tests of this process share."""
    from tests.postgresql import serving

    with serving() as server:
        if server is None:
            pytest.skip("no PostgreSQL server here; .ci/run installs one")
        yield server


@pytest.fixture
def postgresql(postgresql_server: Server) -> Iterator[str]:
    """The `DATABASE_URL` of an empty database in PostgreSQL, gone after the test."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The `DATABASE_URL` of the bot under test, tables and all; empty for its SQLite file."""
    if request.config.getoption("--database") == "sqlite":
        yield ""
        return
    with request.getfixturevalue("postgresql_server").database(with_tables=True) as url:
        yield url
