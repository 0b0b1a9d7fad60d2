"""The casebook: what is recorded, and what is told, of incidents."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from watchdog.alerts.alert import Alert
from watchdog.heartbeat.identity import Identity
from watchdog.incidents.casebook import Casebook
from watchdog.incidents.journal import Journal

AT = "2026-01-01T00:00:00.000Z"
FIRST, SECOND = Identity(pid=10, started=1.0), Identity(pid=11, started=2.0)


@dataclass
class Desk:
    """A casebook, and what it told."""

    path: Path
    alerts: list[Alert] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        journal = Journal(self.path, boot_id="boot")
        self.book = Casebook(journal, offer=self.alerts.append, at=lambda: AT, clock=self.clock)

    def kinds(self) -> list[str]:
        """Answer the kinds of the alerts so far."""
        return [alert.kind for alert in self.alerts]

    def records(self) -> list[tuple[int, str, str]]:
        """Answer number, kind and outcome of each record."""
        lines = map(json.loads, self.path.read_text().splitlines())
        return [(line["number"], line["kind"], line["outcome"]) for line in lines]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A casebook without incidents."""
    return Desk(tmp_path / "incidents.jsonl")


def test_what_is_over_when_it_is_found_is_one_alert_and_a_closed_incident(desk: Desk) -> None:
    """Nothing is to recover from, so no recovery is told."""
    desk.book.note("poisoned_event", "two_deaths", "See logs/quarantine.jsonl.")

    assert desk.kinds() == ["incident"]
    assert desk.records() == [
        (1, "poisoned_event", "open"),
        (1, "poisoned_event", "recovered"),
    ]
    assert desk.book.open is None


def test_it_never_hides_an_incident_that_lasts(desk: Desk) -> None:
    """At most one is open; the caller waits."""
    desk.book.fail(FIRST, "crash", "SIGKILL")

    with pytest.raises(ValueError, match="open"):
        desk.book.note("poisoned_event", "two_deaths", "")


def test_a_spent_budget_is_told_when_nobody_is_left_and_once(desk: Desk) -> None:
    """The first of two processes to be held may be followed by one that serves."""
    desk.book.fail(FIRST, "crash", "exit 1")
    desk.book.give_up(restarts=5, window_s=600.0)
    before = desk.kinds()
    desk.book.exhaust()
    desk.book.fail(SECOND, "crash", "exit 1")
    desk.book.exhaust()

    desk.book.give_up(restarts=5, window_s=600.0)
    desk.book.give_up(restarts=5, window_s=600.0)

    assert before == []
    assert desk.kinds() == ["give_up"]
