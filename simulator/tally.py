"""Numbered messages and the answers to them: lost, answered twice, silent how long. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any

SHOWN = 1000  # numbers that a report lists; its counts are whole


@dataclass(slots=True)
class Tally:
    """When each number was said and answered; times are monotonic, in seconds.

    Attributes:
        said_at_s: By number, which count from 1.
        answered_at_s: By number, each time that it was answered.
    """

    said_at_s: dict[int, float] = field(default_factory=dict)
    answered_at_s: dict[int, list[float]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every number that was said is answered."""
        return self.said_at_s.keys() <= self.answered_at_s.keys()

    def said(self, *, at_s: float) -> int:
        """Note that the next number is said, and answer it."""
        number = len(self.said_at_s) + 1
        self.said_at_s[number] = at_s
        return number

    def heard(self, content: str, *, at_s: float) -> None:
        """Note a message of the bot; ``got NUMBER`` alone is an answer."""
        word, _, number = content.partition(" ")
        if word == "got" and number.isascii() and number.isdigit():
            self.answered_at_s.setdefault(int(number), []).append(at_s)

    def report(self) -> dict[str, Any]:
        """Answer counts, the numbers lost and answered twice, and how long it took.

        `silence_s` is the longest time without an answer between the first message and the last
        message or answer; `wait_p50_s` and `wait_max_s` go from a message to its first answer.
        """
        said, answered = self.said_at_s, self.answered_at_s
        lost = [number for number in said if number not in answered]
        twice = [number for number, times_s in answered.items() if len(times_s) > 1]
        waits_s = [answered[number][0] - said[number] for number in said if number in answered]
        return {
            "sent": len(said),
            "answered": len(waits_s),
            "lost": len(lost),
            "twice": len(twice),
            "lost_numbers": lost[:SHOWN],
            "twice_numbers": twice[:SHOWN],
            "silence_s": self._silence_s(),
            "wait_p50_s": statistics.median(waits_s) if waits_s else None,
            "wait_max_s": max(waits_s, default=None),
        }

    def _silence_s(self) -> float:
        if not self.said_at_s:
            return 0.0
        said_s = self.said_at_s.values()
        marks_s = [min(said_s), *sorted(chain.from_iterable(self.answered_at_s.values()))]
        marks_s.append(max(marks_s[-1], *said_s))
        return max(later - earlier for earlier, later in pairwise(marks_s))
