"""The words for people."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.unit.status_reports import NOW_AT
from watchdog.health.verdict import SERVING, Verdict
from watchdog.status import wording


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(None, "—", id="unknown"),
        pytest.param(-3.0, "0.0 s", id="negative"),
        pytest.param(0.42, "0.4 s", id="tenths"),
        pytest.param(42.9, "42 s", id="seconds"),
        pytest.param(60.0, "1 min", id="a_minute"),
        pytest.param(125.0, "2 min 5 s", id="minutes"),
        pytest.param(3600.0 + 59, "1 h", id="the_small_unit_is_left_out"),
        pytest.param(93_214.0, "1 d 1 h", id="days"),
        pytest.param(86_400.0 * 400, "400 d", id="a_year"),
    ],
)
def test_a_span_is_said_in_its_largest_units(seconds: float | None, expected: str) -> None:
    """Two units at most."""
    assert wording.duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, "—", id="unknown"),
        pytest.param(0.42, "0.4 ms", id="tenths"),
        pytest.param(41.4, "41 ms", id="whole"),
        pytest.param(1432.0, "1.4 s", id="seconds"),
        pytest.param(90_000.0, "1 min 30 s", id="minutes"),
    ],
)
def test_milliseconds_become_seconds_when_many(value: float | None, expected: str) -> None:
    """Nobody reads 90000 ms."""
    assert wording.milliseconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0, "0 B", id="nothing"),
        pytest.param(1023, "1023 B", id="bytes"),
        pytest.param(1536, "1.5 KiB", id="kibibytes"),
        pytest.param(71_303_168, "68 MiB", id="mebibytes"),
        pytest.param(3 * 1024**3, "3.0 GiB", id="gibibytes"),
        pytest.param(5000 * 1024**3, "5000.0 GiB", id="more"),
    ],
)
def test_bytes_are_said_in_the_unit_that_fits(value: int, expected: str) -> None:
    """Binary units, since that is what memory is counted in."""
    assert wording.size(value) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-05-04T11:59:00.000Z", "1 min", id="utc"),
        pytest.param("2026-05-04T13:59:00+02:00", "1 min", id="another_zone"),
        pytest.param("2027-05-04T11:59:00Z", "0.0 s", id="ahead"),
        pytest.param("2026-05-04T11:59:00", "—", id="no_zone"),
        pytest.param("<b>", "—", id="no_time"),
    ],
)
def test_times_are_said_as_how_long_ago(at: str, expected: str) -> None:
    """What is no time is unknown, never an exception."""
    assert wording.ago(at, now_at=NOW_AT) == expected


def test_numbers_have_their_thousands_apart() -> None:
    """A narrow space, which reads the same everywhere."""
    assert wording.count(1_234_567) == "1\u202f234\u202f567"


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_every_verdict_has_its_words(verdict: Verdict) -> None:
    """A verdict nobody worded would break the page; green is only for those that serve."""
    headline = wording.HEADLINES[verdict]

    assert headline.title
    assert headline.meaning.endswith(".")
    assert headline.tone != "good" or verdict in SERVING
