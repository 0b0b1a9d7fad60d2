"""Statistics of tasks: names, counts and quantiles, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks import stats
from bot.tasks.stats import Durations, TaskStatistics, normalise


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        pytest.param("gateway", "gateway", id="nothing to take away"),
        pytest.param("Task-17", "Task", id="asyncio's own"),
        pytest.param("discord-ui-view-dispatch-123", "discord-ui-view-dispatch", id="number"),
        pytest.param(
            "discord-ui-view-dispatch-0f3c9a7e5b1d2c4f6a8b0c1d2e3f4a5b",
            "discord-ui-view-dispatch",
            id="id of a view",
        ),
        pytest.param("job 8f14e45f-ceea-467f-a1d3-91b2c3d4e5f6", "job", id="uuid"),
        pytest.param("shard-3-poller", "shard-poller", id="number in the middle"),
        pytest.param("discord.py: on_message", "discord.py: on_message", id="event"),
        pytest.param("discord.ext.tasks: Cog.loop", "discord.ext.tasks: Cog.loop", id="loop"),
        pytest.param("None", "Task", id="no name in Python 3.13.0"),
        pytest.param("17", "unnamed", id="only a number"),
        pytest.param("", "unnamed", id="empty"),
        pytest.param("deadbeef", "deadbeef", id="a word of hexadecimal letters"),
        pytest.param("x" * 500, "x" * 64, id="long"),
    ],
)
def test_a_name_loses_what_makes_it_unique(name: str, normal: str) -> None:
    """Numbers, uuids and ids go, and the separators that they leave."""
    assert normalise(name) == normal


@given(st.text())
def test_any_text_has_a_normal_form_that_stays(name: str) -> None:
    """It is never empty, never long, and as good as its own normal form."""
    normal = normalise(name)

    assert 0 < len(normal) <= stats.MAX_NAME
    assert not any(digit in normal for digit in "0123456789")


@given(st.lists(st.floats(8e-6, 1e6), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_within_seven_percent(durations_s: list[float], share: float) -> None:
    """The bucket's middle is near to the duration that a sorted list would answer."""
    durations = Durations()
    for duration_s in durations_s:
        durations.add(duration_s)
    ordered = sorted(durations_s)
    exact_s = ordered[max(0, -int(-share * len(ordered) // 1) - 1)]

    answer_ms = durations.quantile_ms(share)

    assert answer_ms == pytest.approx(exact_s * 1000, rel=0.07, abs=0.001)


def test_nothing_has_no_quantile() -> None:
    """Before the first duration there is no answer."""
    assert Durations().quantile_ms(0.5) is None


@pytest.mark.parametrize(
    ("duration_s", "answer_ms"),
    [
        pytest.param(0.0, 0.0, id="nothing"),
        pytest.param(-1.0, 0.0, id="negative"),
        pytest.param(0.000003, 0.003, id="three microseconds"),
    ],
)
def test_small_durations_are_exact(duration_s: float, answer_ms: float) -> None:
    """Below eight microseconds every one has its own bucket."""
    durations = Durations()

    durations.add(duration_s)

    assert durations.quantile_ms(0.99) == answer_ms


def test_a_century_still_has_a_bucket() -> None:
    """What is too long is counted with the longest."""
    durations = Durations()

    durations.add(100 * 365 * 86400.0)

    assert durations.quantile_ms(0.5) == pytest.approx(2**46 / 1000, rel=0.1)


def test_old_durations_fade() -> None:
    """Once the work has become slower, the median says so; it does not remember for ever."""
    durations = Durations()
    for _ in range(2 * Durations.KEEP):
        durations.add(0.001)
    for _ in range(2 * Durations.KEEP):
        durations.add(1.0)

    assert durations.quantile_ms(0.5) == pytest.approx(1000, rel=0.07)
    assert durations.total < Durations.KEEP


def test_what_was_created_is_what_ended_and_what_runs() -> None:
    """Counts add up, for a name and for all."""
    statistics = TaskStatistics()
    statistics.ended("fetch-1", "completed", 0.01)
    statistics.ended("fetch-2", "failed", 0.02)
    statistics.ended("fetch-3", "cancelled", 0.03)
    statistics.ended("other work", "completed", 0.01)

    answer = statistics.snapshot([("fetch-4", 1.5), ("fetch-5", 7.25), ("new", 0.5)])
    fetch = answer.by_name["fetch"]

    assert (fetch.created, fetch.active, fetch.completed, fetch.failed, fetch.cancelled) == (
        5, 2, 1, 1, 1,
    )  # fmt: skip
    assert fetch.oldest_s == 7.25
    assert answer.by_name["new"].created == 1
    assert answer.by_name["new"].p50_ms is None
    assert (answer.created, answer.active, answer.completed) == (7, 3, 2)
    assert (answer.failed, answer.cancelled) == (1, 1)


def test_quantiles_are_answered_by_name() -> None:
    """Each name has its own durations."""
    statistics = TaskStatistics()
    for _ in range(100):
        statistics.ended("quick", "completed", 0.001)
        statistics.ended("slow", "completed", 1.0)

    by_name = statistics.snapshot([]).by_name

    assert by_name["quick"].p99_ms == pytest.approx(1, rel=0.07)
    assert by_name["slow"].p50_ms == pytest.approx(1000, rel=0.07)


def test_names_are_bounded_and_the_busiest_are_shown() -> None:
    """However many names there are, the answer holds 64 and loses no count."""
    statistics = TaskStatistics()
    names = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(5000)]
    for name in names:
        statistics.ended(name, "completed", 0.001)
    for _ in range(10):
        statistics.ended(names[7], "completed", 0.001)

    answer = statistics.snapshot([])

    assert len(answer.by_name) == stats.MAX_NAMES
    assert answer.by_name[names[7]].completed == 11
    assert answer.by_name[stats.OTHER].completed > 4900
    assert answer.created == 5010


def test_a_name_that_runs_now_is_shown_before_busy_ones_of_the_past() -> None:
    """What hangs must be seen."""
    statistics = TaskStatistics()
    for number in range(200):
        for _ in range(3):
            statistics.ended("n" * (number % 60 + 1) + "x" * (number // 60), "completed", 0.001)

    answer = statistics.snapshot([("hanging", 300.0)])

    assert answer.by_name["hanging"].oldest_s == 300.0
    assert len(answer.by_name) == stats.MAX_NAMES


def test_what_is_remembered_of_names_is_bounded() -> None:
    """A task with a name of its own each time costs no memory in the long run."""
    statistics = TaskStatistics()
    for number in range(20_000):
        statistics.ended(f"view {number:016x}{number:016x}", "completed", 0.001)

    assert len(statistics._remembered) <= stats.MAX_REMEMBERED
    assert statistics.snapshot([]).by_name["view"].completed == 20_000
