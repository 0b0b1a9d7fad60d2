"""How far a clock is off, from a few answers that each name the time to the second. Pure.

An answer says only that Discord's clock showed *date_s* to *date_s* + 1 at some moment between the
request and the answer. That bounds the distance between Discord's time and our monotonic clock,
which nobody sets; where most of the bounds overlap is the answer (K. Marzullo, 1984; NTP chooses
servers so). The distance of the wall clock follows, and is right even when the wall clock
was set a moment ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WARN_OVER_S = 5.0
FINE_BELOW_S = 4.0  # a clock at the edge must not be reported over and over
ENOUGH = 3  # answers that agree
TOO_OLD_S = 1800.0  # in which a quartz drifts less than a tenth of a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of Discord; the times without *date* are monotonic.

    Attributes:
        date_s: Discord's time in whole seconds since 1970.
    """

    date_s: float
    sent_at_s: float
    received_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Discord's time less our monotonic time, in seconds, and how many answers agree on it."""

    lowest_s: float
    highest_s: float
    agreeing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """Our wall clock less Discord's, in seconds.

    Attributes:
        lowest_s: The least that it can be; with *highest_s* it holds the truth.
        agreeing: Answers that it rests on.
    """

    lowest_s: float
    highest_s: float
    agreeing: int

    @property
    def middle_s(self) -> float:
        """The likeliest distance."""
        return (self.lowest_s + self.highest_s) / 2

    @property
    def certain_s(self) -> float:
        """How far it is off at the least; 0 while it may be right."""
        if self.lowest_s <= 0 <= self.highest_s:
            return 0.0
        return min(abs(self.lowest_s), abs(self.highest_s))


def bounds(answers: Sequence[Answer]) -> Bounds | None:
    """Answer where the bounds of most *answers* overlap, None when there are none."""
    edges: list[tuple[float, int]] = []
    for each in answers:
        edges.append((each.date_s - each.received_at_s, -1))
        edges.append((each.date_s + 1.0 - each.sent_at_s, 1))
    edges.sort()
    best, agreeing, found = 0, 0, None
    for number, (edge_s, kind) in enumerate(edges):
        agreeing -= kind
        if agreeing > best:
            # What follows the opening of the densest part is its end.
            best = agreeing
            found = Bounds(lowest_s=edge_s, highest_s=edges[number + 1][0], agreeing=best)
    return found


def skew(answers: Sequence[Answer], *, wall_s: float, monotonic_s: float) -> Skew | None:
    """Answer how far our wall clock is off, None while too few answers agree.

    Args:
        wall_s: Our wall clock, seconds since 1970.
        monotonic_s: Our monotonic clock at the same moment.
    """
    fresh = [each for each in answers if monotonic_s - each.received_at_s <= TOO_OLD_S]
    found = bounds(fresh)
    if found is None or found.agreeing < ENOUGH:
        return None
    ours_s = wall_s - monotonic_s
    return Skew(
        lowest_s=ours_s - found.highest_s,
        highest_s=ours_s - found.lowest_s,
        agreeing=found.agreeing,
    )


def is_off(found: Skew | None, *, was_off: bool) -> bool:
    """Answer whether somebody should set the clock; what is not known changes nothing."""
    if found is None:
        return was_off
    return found.certain_s > (FINE_BELOW_S if was_off else WARN_OVER_S)
