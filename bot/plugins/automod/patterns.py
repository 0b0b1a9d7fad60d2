"""Finds any of many texts in another one, in one pass over it. Pure.

The algorithm is that of Aho and Corasick, Efficient string matching (1975): every step either reads
a character or goes up in the tree, so there are at most twice as many as there are characters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Patterns:
    """Texts to look for; empty ones are left out."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._up: list[int] = [0]
        self._found: list[str | None] = [None]
        for text in texts:
            self._insert(text)
        self._link()

    def first_in(self, text: str) -> str | None:
        """Answer the pattern that ends first in *text*, the longest of those; None without any."""
        following, up, found = self._next, self._up, self._found
        if len(following) == 1:
            return None  # there is nothing to look for
        node = 0
        for character in text:
            while node and character not in following[node]:
                node = up[node]
            node = following[node].get(character, 0)
            if found[node] is not None:
                return found[node]
        return None

    def _insert(self, text: str) -> None:
        node = 0
        for character in text:
            there = self._next[node].get(character)
            if there is None:
                there = len(self._next)
                self._next[node][character] = there
                self._next.append({})
                self._up.append(0)
                self._found.append(None)
            node = there
        if text:
            self._found[node] = text

    def _link(self) -> None:
        """Let each node know the longest other one whose text is the end of its own."""
        waiting = deque(self._next[0].values())
        while waiting:
            node = waiting.popleft()
            for character, child in self._next[node].items():
                waiting.append(child)
                above = self._up[node]
                while above and character not in self._next[above]:
                    above = self._up[above]
                self._up[child] = self._next[above].get(character, 0)
                if self._found[child] is None:
                    self._found[child] = self._found[self._up[child]]
