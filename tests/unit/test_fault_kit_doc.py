"""docs/fault-kit.md names everything that the kit has, and nothing else."""

from __future__ import annotations

import inspect
import re

import pytest

from tests import faults
from tests.faults.heartbeat import WAYS
from tests.sources import ROOT

TEXT = (ROOT / "docs" / "fault-kit.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)\((.*?)\)` \| *(\w*) *\|", TEXT, flags=re.MULTILINE)


def kit() -> dict[str, object]:
    """Answer what the kit offers, by name."""
    found = vars(faults).items()
    return {name: each for name, each in found if inspect.isfunction(each) or inspect.isclass(each)}


def test_the_page_names_the_whole_kit() -> None:
    """A fault that is not on the page is found by nobody."""
    assert {name for name, _, _ in ROWS} == kit().keys()


@pytest.mark.parametrize(("name", "ends"), [(name, ends) for name, _, ends in ROWS])
def test_the_page_says_how_a_fault_ends(name: str, ends: str) -> None:
    """What lasts is a context manager, or answers its undo."""
    fault = kit()[name]
    answer = "" if inspect.isclass(fault) else str(inspect.signature(fault).return_annotation)  # type: ignore[arg-type]

    assert (ends == "with") == ("Iterator" in answer)
    assert (ends == "undo") == (answer == "Undo")


def test_the_page_counts_the_ways_to_spoil_a_heartbeat() -> None:
    """They are listed in the code, and counted on the page."""
    assert f"{len(WAYS)} ways in all" in TEXT
