"""Which backups stay, and when the next one is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.storage.rotation import KEEP_DAYS, KEEP_WEEKS, is_due, made_at, name_at, surplus

START = datetime(2026, 1, 5, 3, 15, tzinfo=UTC)  # a Monday
TIMES = st.integers(0, 365 * 86_400).map(lambda after_s: START + timedelta(seconds=after_s))


def test_a_year_of_nights_leaves_a_week_and_a_month() -> None:
    """Seven days, and of the time before the last day of each of four weeks."""
    kept: list[str] = []
    for day in range(365):
        kept.append(name_at(START + timedelta(days=day)))
        gone = surplus(kept)
        kept = [name for name in kept if name not in gone]

    ages = [364 - (at - START).days for name in kept if (at := made_at(name)) is not None]
    assert ages == [22, 15, 8, 7, 6, 5, 4, 3, 2, 1, 0]  # the last day is a Monday


def test_of_several_a_day_the_newest_stays() -> None:
    """Whoever makes ten by hand does not push the week away."""
    week = [name_at(START + timedelta(days=day)) for day in range(7)]
    today = [name_at(START + timedelta(days=7, minutes=each)) for each in range(10)]

    assert surplus([*week, *today]) == today[:-1]


def test_what_is_not_ours_is_left_alone() -> None:
    """Also what nearly is."""
    names = ["notes.txt", "novera.db", "novera-20261399-000000.db", "novera-1.db", ".x.part"]

    assert surplus(names * 20) == []


@given(st.lists(TIMES, max_size=60, unique_by=name_at))
def test_the_newest_ones_always_stay(times: list[datetime]) -> None:
    """No more than asked for is kept, nothing is lost twice, and the newest is there."""
    names = [name_at(at) for at in times]
    gone = surplus(names)
    kept = set(names) - set(gone)

    assert len(kept) <= KEEP_DAYS + KEEP_WEEKS
    assert surplus(kept) == []
    assert not names or max(names) in kept
    assert len({at.date() for at in times}) < KEEP_DAYS or len(kept) >= KEEP_DAYS


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        pytest.param(None, (5, 12), True, id="never made"),
        pytest.param((4, 3), (5, 2), False, id="before the night"),
        pytest.param((4, 3), (5, 3), True, id="at night"),
        pytest.param((5, 3), (5, 23), False, id="made already"),
        pytest.param((3, 3), (5, 2), True, id="missed the night before"),
        pytest.param((4, 20), (5, 3), True, id="by hand in the evening"),
        pytest.param((9, 3), (5, 4), True, id="of the future"),
    ],
)
def test_a_backup_is_due_each_night(
    last: tuple[int, int] | None, now: tuple[int, int], due: bool
) -> None:
    """And after a night that was missed."""
    names = [] if last is None else [name_at(datetime(2026, 1, last[0], last[1], 5, tzinfo=UTC))]

    assert is_due(names, datetime(2026, 1, now[0], now[1], 10, tzinfo=UTC)) is due
