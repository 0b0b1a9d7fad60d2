"""Counts and durations of commands."""

from __future__ import annotations

import threading

import pytest

from bot.commands.stats import CommandStats
from watchdog.heartbeat import schema


def test_nothing_run_is_nothing_told() -> None:
    """Before the first command there are no durations."""
    assert CommandStats().snapshot() == schema.Commands()


def test_counts_are_kept_apart() -> None:
    """Invoked, failed and timed out are three numbers."""
    stats = CommandStats()
    for _ in range(3):
        stats.began()
        stats.ended(0.010)
    stats.failed()
    stats.timed_out()
    stats.timed_out()
    shown = stats.snapshot()

    assert (shown.invoked, shown.failed, shown.timed_out) == (3, 1, 2)


def test_quantiles_are_near_the_truth() -> None:
    """Of 99 quick commands and 2 slow ones the p99 is slow and the p50 quick."""
    stats = CommandStats()
    for _ in range(98):
        stats.ended(0.010)
    stats.ended(2.0)
    stats.ended(2.0)
    shown = stats.snapshot()

    assert shown.p50_ms == pytest.approx(10, rel=0.07)
    assert shown.p99_ms == pytest.approx(2000, rel=0.07)


def test_a_snapshot_may_be_asked_for_from_any_thread() -> None:
    """The heartbeat's thread reads while the loop writes."""
    stats = CommandStats()
    seen: list[schema.Commands] = []
    reader = threading.Thread(target=lambda: seen.extend(stats.snapshot() for _ in range(200)))
    reader.start()
    for _ in range(2000):
        stats.began()
        stats.ended(0.001)
    reader.join()

    assert stats.snapshot().invoked == 2000
    assert len(seen) == 200
