"""The board between the judging thread and all that show."""

from __future__ import annotations

from tests.fakes import FakeClock
from tests.unit.status_reports import report
from watchdog.status.board import StatusBoard


def test_an_empty_board_shows_nothing(clock: FakeClock) -> None:
    """Before the first judgement there is nothing to show."""
    board = StatusBoard(clock=clock)

    assert board.current() is None
    assert board.posted() is None


def test_the_last_report_is_shown_with_its_age(clock: FakeClock) -> None:
    """A later report replaces the one before."""
    board = StatusBoard(stale_after_s=10.0, clock=clock)
    board.publish(report(verdict="starting"))
    board.publish(report())

    clock.advance(4.0)
    posted = board.posted()

    assert board.current() == report()
    assert posted is not None
    assert (posted.report, posted.age_s, posted.stale) == (report(), 4.0, False)


def test_a_report_nobody_renews_is_stale(clock: FakeClock) -> None:
    """The judging thread hangs: its last word is no longer true."""
    board = StatusBoard(stale_after_s=10.0, clock=clock)
    board.publish(report())

    clock.advance(10.5)

    assert not board.is_live()


def test_a_watchdog_that_has_just_begun_is_live(clock: FakeClock) -> None:
    """Nobody kills it for not having judged yet, for a while."""
    board = StatusBoard(stale_after_s=10.0, clock=clock)

    before = board.is_live()
    clock.advance(10.5)

    assert (before, board.is_live()) == (True, False)
