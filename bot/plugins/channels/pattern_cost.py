"""What a regular expression may cost before it is even tried. Pure.

The library `regex` repeats what must occur *m* times *m* times in its program, so that ten
characters can ask for all memory: ``((a{1000}){1000}){1000}``. Its time limit covers searches only.
"""

from __future__ import annotations

import math
import re

MAX_PATTERN = 200  # characters
MAX_GROWTH = 100_000
_REPEATED = re.compile(r"\{\s*(\d+)|\+")
# In the verbose mode blanks and comments would hide what is repeated from us.
_VERBOSE = re.compile(r"\(\?[a-z0-9-]*x", re.IGNORECASE)


def growth(pattern: str) -> int:
    """Answer how many times the program of *pattern* can be as long as the pattern, at most.

    Every repetition counts as if it were inside all the others: too much for most patterns, and
    never too little, however the pattern is nested.
    """
    factors = (int(found[1]) + 1 if found[1] else 2 for found in _REPEATED.finditer(pattern))
    return math.prod(factors)


def objection(pattern: str) -> str | None:
    """Answer why *pattern* is not tried, in words for its author; None when it may be tried."""
    if not pattern:
        return "The pattern is empty."
    if len(pattern) > MAX_PATTERN:
        return f"A pattern may have {MAX_PATTERN} characters; that one has {len(pattern)}."
    if _VERBOSE.search(pattern):
        return "I don't take patterns in the verbose mode, `(?x)`."
    if any(len(found[1] or "") > 6 for found in _REPEATED.finditer(pattern)):
        return "That pattern repeats something too many times."
    if growth(pattern) > MAX_GROWTH:
        return "That pattern has too many repetitions in it. Please write a simpler one."
    return None
