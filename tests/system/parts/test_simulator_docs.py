"""docs/simulator.md: its examples run, its tables are the code's."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from simulator.control_api import CHANGING, READABLE
from simulator.faults import FAULTS, Fault
from tests.sources import ROOT

_PAGE = ROOT / "docs" / "simulator.md"
_TEXT = _PAGE.read_text(encoding="utf-8")
_COMMON = frozenset({"times", "for_s", "connections", "method", "path", "shard"})


def _examples() -> dict[str, Callable[[], Any]]:
    """Answer the tests that the page's Python blocks define, by name."""
    found: dict[str, Callable[[], Any]] = {}
    for block in re.findall(r"```python\n(.*?)```", _TEXT, re.S):
        names: dict[str, Any] = {"__name__": "docs.simulator"}
        exec(compile(block, str(_PAGE), "exec", dont_inherit=True), names)
        found |= {name: each for name, each in names.items() if name.startswith("test_")}
    return found


_EXAMPLES = _examples()


@pytest.mark.parametrize("name", _EXAMPLES)
async def test_every_example_of_the_page_runs(name: str) -> None:
    """What the page shows works as it stands there."""
    result = _EXAMPLES[name]()
    if inspect.isawaitable(result):
        await result


def test_the_page_has_its_three_examples() -> None:
    """A block that is lost would not be noticed otherwise."""
    assert len(_EXAMPLES) == 3


def test_the_page_names_every_verb_and_no_other() -> None:
    """The table of verbs is complete."""
    table = _TEXT.partition("## Verbs")[2].partition("People, channels")[0]

    assert set(re.findall(r"`(\w+)`", table)) == READABLE | CHANGING


def _row(name: str, fault: Fault) -> str:
    parameters = ", ".join(
        key if each.default is None else f"{key}={each.default}"
        for key, each in fault.parameters.items()
        if key not in _COMMON
    )
    return f"| `{name}` | {'' if fault.standing else 'instant'} | {fault.summary} | {parameters} |"


def test_the_page_lists_every_fault_as_the_table_has_it() -> None:
    """Name, kind, summary and parameters with their defaults."""
    wanted = "\n".join(_row(name, fault) for name, fault in FAULTS.items())

    assert wanted in _TEXT
