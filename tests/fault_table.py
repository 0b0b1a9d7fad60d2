"""docs/faults.md, made of the tests of faults: fault, right answer, time it took. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.sources import Source
from tests.system.fault_rows import PARTS, UNTESTED

HEAD = """\
# Faults

Each row is a test over the real system: supervisord, watchdog, bot, spare and the simulator, all of
them processes; a row that no test can show says why. This table is made of those tests. Times are
from the fault to the answer, on the machine and in the run that wrote this file, with
`HUNG_AFTER_S` and `FROZEN_AFTER_S` at 2 (the default is 5). To run all of them and write it anew:

    .venv/bin/python -m bench.faults

One row: `.venv/bin/python -m pytest tests/system -k test_fault_04`. To write such a test for your
own bot: [the fault kit](fault-kit.md).
"""
COLUMNS = "| # | fault | answer | allowed | took | test |\n|---|---|---|---|---|---|\n"
TOOK = re.compile(r"^\| (\d+) \|.*\| (?:([\d.]+) s|-) \| [^|]+ \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One test of a fault; *function* is the test's name, *within_s* None without a limit."""

    number: int
    name: str
    answer: str
    within_s: float | None
    path: str
    function: str


def rows(sources: Iterable[Source]) -> list[Row]:
    """Answer the rows that the tests in *sources* state, by number."""
    found = [
        _row(source, node, decorator)
        for source in sources
        if "@fault(" in source.text
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id == "fault"
    ]
    return sorted(found, key=lambda row: row.number)


def render(rows: Iterable[Row], times_s: Mapping[int, float]) -> str:
    """Answer the document; *times_s* has what was measured, by number."""
    lines = {row.number: _line(row, times_s.get(row.number)) for row in rows}
    lines |= {
        number: f"| {number} | {name} | not tested: {why} | - | - | - |\n"
        for number, (name, why) in UNTESTED.items()
    }
    parts = [HEAD]
    for part, numbers in PARTS.items():
        parts.append(f"\n## {part}\n\n{COLUMNS}")
        parts += [lines[number] for number in numbers if number in lines]
    return "".join(parts)


def times_in(document: str) -> dict[int, float]:
    """Answer the times that *document* has, in seconds, by number."""
    return {int(number): float(took) for number, took in TOOK.findall(document) if took}


def _row(source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call) -> Row:
    number, name = (ast.literal_eval(argument) for argument in call.args)
    keywords = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
    return Row(
        number=number,
        name=name,
        answer=keywords["answer"],
        within_s=keywords.get("within_s"),
        path=source.path,
        function=node.name,
    )


def _line(row: Row, took_s: float | None) -> str:
    allowed = "-" if row.within_s is None else f"{row.within_s:g} s"
    took = "-" if took_s is None else f"{took_s:.2f} s"
    place = row.path.removeprefix("tests/system/")
    return f"| {row.number} | {row.name} | {row.answer} | {allowed} | {took} | {place} |\n"
