"""What a surface is, how an input is held to its limits, and how one lies in the corpus."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from hypothesis.strategies import SearchStrategy

CORPUS = Path(__file__).with_name("corpus")
MAX_INPUT_S = 1.0
MAX_GROWTH_BYTES = 128 * 1024 * 1024

Input = tuple[bytes, ...]  # parts that come one after the other: writes, frames, lines
Check = Callable[[Input], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """One parser of untrusted bytes.

    Attributes:
        inputs: Mostly valid inputs with a few changes: random bytes alone end in the first line.
        opened: Sets up what takes the inputs and answers the check, which raises for a finding.
        batch: Inputs after which it is set up anew.
    """

    name: str
    inputs: SearchStrategy[Input]
    opened: Callable[[], AbstractContextManager[Check]]
    batch: int = 2000


class TooSlowError(AssertionError):
    """One input took longer than `MAX_INPUT_S`, twice in a row."""


def hold(check: Check, given: Input) -> float:
    """Run *check* on one input and answer how long it took, in seconds.

    Raises:
        TooSlowError: too long, and again when it was tried alone: it was not the machine.
    """
    took_s = _timed(check, given)
    if took_s > MAX_INPUT_S:
        took_s = min(took_s, _timed(check, given))
        if took_s > MAX_INPUT_S:
            raise TooSlowError(f"{took_s:.2f} s for one input")
    return took_s


def _timed(check: Check, given: Input) -> float:
    began_s = time.perf_counter()
    check(given)
    return time.perf_counter() - began_s


# ------------------------------------------------------------------ the corpus


def dump(given: Input) -> str:
    """Answer an input as a text file: a JSON list, a character for each byte."""
    return json.dumps([part.decode("latin-1") for part in given], indent=1) + "\n"


def load(text: str) -> Input:
    """Answer what `dump` wrote."""
    return tuple(part.encode("latin-1") for part in json.loads(text))


def corpus(name: str) -> Iterator[tuple[str, Input]]:
    """Answer name and content of every kept input of a surface, in order."""
    for path in sorted((CORPUS / name).glob("*.json")):
        yield path.stem, load(path.read_text(encoding="utf-8"))
