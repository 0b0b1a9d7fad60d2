"""docs/faults.md is what the tests of faults say, and there is one for each fault."""

from __future__ import annotations

import pytest

from tests.fault_table import Row, render, rows, times_in
from tests.sources import ROOT, sources
from tests.system.fault_rows import PARTS, UNTESTED

DOCUMENT = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
ROWS = rows(sources("tests/system"))


def test_every_fault_has_one_test_or_a_reason() -> None:
    """A fault of the catalogue is shown, or the table says why it can't be."""
    numbers = [row.number for row in ROWS] + list(UNTESTED)

    assert sorted(numbers) == [number for part in PARTS.values() for number in part]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.function)
def test_a_test_of_a_fault_bears_its_number(row: Row) -> None:
    """So that `-k test_fault_04` runs it."""
    assert row.function.startswith(f"test_fault_{row.number:02}_")


def test_the_table_says_what_the_tests_say() -> None:
    """After a change: `.venv/bin/python -m bench.faults --only NUMBER`."""
    assert render(ROWS, times_in(DOCUMENT)) == DOCUMENT


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.within_s is not None], ids=lambda row: row.function
)
def test_a_time_in_the_table_is_one_that_is_allowed(row: Row) -> None:
    """A fault whose answer has a limit was measured, and kept it."""
    took_s = times_in(DOCUMENT)[row.number]

    assert row.within_s is not None
    assert 0 < took_s <= row.within_s


def test_a_time_that_was_written_is_read_back() -> None:
    """The table is its own record of times."""
    row = Row(number=4, name="a", answer="b", within_s=3.0, path="tests/system/c.py", function="d")

    assert times_in(render([row], {4: 2.345})) == {4: 2.35}
    assert times_in(render([row], {})) == {}
