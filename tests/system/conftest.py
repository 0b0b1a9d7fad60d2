"""Fixtures of the system tests: an installation that leaves nothing behind, and its logs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.conftest import TIMES
from tests.system.fault_rows import BUSY_S
from tests.system.installation import Installation

FOLDER = Path(__file__).parent
LIMIT_S = 150  # an overloaded machine is slow, not wrong
FAILED = pytest.StashKey[bool]()


Make = Callable[..., Installation]
Measured = Callable[[float], None]


def pytest_configure() -> None:
    """Let what the tests start be ended by signals that a shell ignores for us (`&`, `nohup`)."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # children inherit what is ignored, not this


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here, so that `-m 'not system'` leaves them out, and give them time."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.system)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether a test failed: its logs are printed before they are deleted."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Take the seconds that a fault's answer took, and hold them to what its row allows.

    Beside other tests the row's time is not to be had: then BUSY_S are added to it. Of a test with
    parameters the longest time counts.
    """
    mark = request.node.get_closest_marker("fault")
    within_s = mark.kwargs["within_s"]
    alone = request.config.getoption("--fault-times") is not None

    def measured(took_s: float) -> None:
        times = request.config.stash[TIMES]
        times[mark.args[0]] = max(took_s, times.get(mark.args[0], 0.0))
        assert took_s <= within_s + (0 if alone else BUSY_S)

    return measured


@pytest.fixture
def make_installation(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make installations; at the end each has ended, left no process, and misused nothing."""
    made: list[Installation] = []

    def make(**settings: object) -> Installation:
        made.append(Installation(**settings))
        return made[-1]

    yield make
    left, misuses = [], []
    for installation in made:
        left += installation.close()
        misuses += installation.misuses()
    if left or misuses or request.node.stash.get(FAILED, False):
        for installation in made:
            sys.stderr.write(installation.tails())
    for installation in made:
        installation.remove()
    assert left == [], "processes outlived the installation"
    assert misuses == [], "asyncio or Python was used wrongly"


@pytest.fixture
def installation(make_installation: Make) -> Installation:
    """An installation with the tests' settings; nothing is started yet."""
    return make_installation()


@pytest.fixture
def running(installation: Installation) -> Installation:
    """An installation that serves: simulator, supervisord, watchdog and a bot that is ready."""
    installation.start_simulator()
    installation.start_supervisord()
    installation.wait_ready()
    return installation
