"""Choices made from bytes: hypothesis draws the bytes at once, and can make them fewer again.

A draw for every little choice would cost ten times what the parsers take. Bytes that are used up
answer zeros, and zeros choose what is first and change nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


class Choices:
    """Numbers and picks, read from *raw* from its beginning to its end."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def number(self, below: int) -> int:
        """Answer a number from 0 to *below* - 1."""
        return int.from_bytes(self._take(1 if below <= 128 else 2 if below <= 32768 else 4)) % below

    def pick(self, things: Sequence[T]) -> T:
        """Answer one of *things*."""
        return things[self.number(len(things))]

    def one_in(self, times: int) -> bool:
        """Answer True once in so many times; never for zeros."""
        return self.number(times) == times - 1

    def share(self) -> float:
        """Answer a number from 0, up to and without 1."""
        return int.from_bytes(self._take(3)) / (1 << 24)

    def some_bytes(self, most: int) -> bytes:
        """Answer up to *most* bytes, any."""
        return self._take(self.number(most + 1))

    def whole(self) -> int:
        """Answer an integer of up to 66 bits, often a small one."""
        size = self.number(9)
        value = int.from_bytes(self._take(size), signed=True)
        return value * 4 if size == 8 else value

    def real(self) -> float:
        """Answer a number of any size."""
        return self.whole() * float(10 ** self.number(20)) / 10**10

    def _take(self, size: int) -> bytes:
        taken = self._raw[self._at : self._at + size]
        self._at += size
        return taken + bytes(size - len(taken))


def built(build: Callable[[Choices], T], *, size: int = 48) -> SearchStrategy[T]:
    """Answer what *build* makes of *size* bytes of choices."""
    raw = st.integers(0, (1 << 64) - 1).map(lambda number: _stretched(number, size))
    return raw.map(lambda chosen: build(Choices(chosen))) | st.binary(
        min_size=size, max_size=size
    ).map(lambda chosen: build(Choices(chosen)))


def _stretched(number: int, size: int) -> bytes:
    """Answer *size* even bytes: those that hypothesis makes itself are often all small or equal."""
    return random.Random(number).randbytes(size)
