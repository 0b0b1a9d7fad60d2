"""What to do about an interaction that nobody in this process handles. Pure."""

from __future__ import annotations

from enum import Enum, auto

FIRST_ANSWER_S = 3.0  # Discord's limit
TOKEN_LIFE_S = 15 * 60.0
# Not replayed, so fresh, whatever the clocks say: only a machine's clock can be this wrong.
CLOCK_DOUBT_S = 60.0


class Treatment(Enum):
    """How an interaction without a handler is answered."""

    EXPLAIN = auto()  # a first answer
    INTERRUPTED = auto()  # if an earlier process acknowledged it, then died at it, say so
    IGNORE = auto()  # nobody waits for an answer


def treatment(*, age_s: float, redelivered: bool) -> Treatment:
    """Answer what to do.

    Args:
        age_s: Seconds since the user pressed, by our clock and Discord's.
        redelivered: It was handed to a process before, which died.
    """
    if not redelivered:
        return Treatment.EXPLAIN if age_s < CLOCK_DOUBT_S else Treatment.IGNORE
    if age_s < FIRST_ANSWER_S:
        return Treatment.EXPLAIN
    return Treatment.INTERRUPTED if age_s < TOKEN_LIFE_S else Treatment.IGNORE
