"""Every surface under a few inputs of each kind, the same at each run, and what once broke it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.background import complaints
from tests.fuzz.memory import PeakMemory
from tests.fuzz.registry import SURFACES
from tests.fuzz.surface import (
    CORPUS,
    MAX_GROWTH_BYTES,
    Check,
    Input,
    Surface,
    TooSlowError,
    corpus,
    dump,
    hold,
    load,
)

EXAMPLES = 40


@pytest.fixture(autouse=True)
def _silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is refused be logged nowhere: it is thousands of lines."""
    monkeypatch.setattr(structlog.stdlib.BoundLogger, "warning", lambda *_, **__: None)


@pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
def test_a_surface_stands_hostile_input(surface: Surface) -> None:
    """What once broke it, then a few inputs that are made anew: no crash, no hang, no memory."""
    memory = PeakMemory()
    with surface.opened() as check:
        for _, kept in corpus(surface.name):
            hold(check, kept)
        _generated(surface, check)
        grown_bytes = memory.growth_bytes()

    assert grown_bytes < MAX_GROWTH_BYTES


def _generated(surface: Surface, check: Check) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(surface.inputs)
    def take(made: Input) -> None:
        hold(check, made)

    take()


def test_the_corpus_belongs_to_surfaces() -> None:
    """A folder of a surface that is renamed would never be read again; each file is an input."""
    folders = {path.name for path in CORPUS.iterdir()}
    texts = {path: path.read_text(encoding="utf-8") for path in CORPUS.rglob("*.json")}

    assert folders <= SURFACES.keys()
    assert all(dump(load(text)) == text for text in texts.values())


def test_an_input_that_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice in a row: once may be the machine."""
    calls: list[Input] = []
    monkeypatch.setattr("tests.fuzz.surface.MAX_INPUT_S", -1.0)

    with pytest.raises(TooSlowError):
        hold(calls.append, (b"a",))

    assert len(calls) == 2


def test_an_error_that_nobody_handled_is_a_finding() -> None:
    """A loop only logs it."""

    async def forget() -> None:
        future = asyncio.get_running_loop().create_future()
        future.set_exception(RuntimeError("unheard"))
        del future

    with complaints() as heard, asyncio.Runner() as runner:
        runner.run(forget())

        with pytest.raises(AssertionError, match="unheard"):
            heard.raise_any()


def test_a_finding_is_saved_as_a_file_of_the_corpus(tmp_path: Path) -> None:
    """What the benchmark saves can be read, and copied into the corpus as it is."""
    given_input = (b"\x00\xff", "€".encode())
    path = tmp_path / "found.json"
    path.write_text(dump(given_input), encoding="utf-8")

    assert load(path.read_text(encoding="utf-8")) == given_input
    assert json.loads(path.read_text(encoding="utf-8"))
