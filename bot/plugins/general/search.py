"""Finds a command by what somebody wrote of it, and guesses what they meant. Pure.

A typing error is one letter too many, too few, wrong, or two swapped: the distance of Damerau and
Levenshtein, in its restricted form (optimal string alignment).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.plugins.general.catalogue import Entry

MAX_QUERY = 100  # characters that are looked at
MAX_FOUND = 25
MIN_GUESSED = 4  # letters: of a shorter word, any other is near
WORD = re.compile(r"\w+")


def distance(one: str, other: str, *, limit: int) -> int:
    """Answer how many typing errors are between the two; *limit* + 1 for any more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        here = [row]
        for column, facing in enumerate(other, start=1):
            cost = min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != facing))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == facing:
                cost = min(cost, before[column - 2] + 1)
            here.append(cost)
        if min(here) > limit and min(above) > limit:
            return limit + 1
        before, above = above, here
    return min(above[-1], limit + 1)


def errors_allowed(word: str) -> int:
    """Answer how many typing errors are believed in a word of that length."""
    if len(word) < MIN_GUESSED:
        return 0
    return 1 if len(word) < 7 else 2


def named(entries: Iterable[Entry], query: str) -> Entry | None:
    """Answer the command of exactly that name, or that is also called so."""
    folded = " ".join(query.casefold().split())
    for entry in entries:
        if folded == entry.name.casefold() or folded in map(str.casefold, entry.aliases):
            return entry
    return None


def find(entries: Iterable[Entry], query: str) -> list[Entry]:
    """Answer the commands whose name or description has all words of *query*, the best first."""
    words = WORD.findall(query[:MAX_QUERY].casefold())
    scored = []
    for entry in entries:
        scores = [_score(entry, word) for word in words]
        if scores and all(scores):
            scored.append((-sum(scores), entry.name, entry))
    return [entry for _, _, entry in sorted(scored, key=lambda each: each[:2])[:MAX_FOUND]]


def near(names: Iterable[str], word: str) -> list[str]:
    """Answer the *names* that *word* may be a misspelling of, the nearest only."""
    folded = word[:MAX_QUERY].casefold()
    limit = errors_allowed(folded)
    if not limit:
        return []
    measured = [(distance(folded, name.casefold(), limit=limit), name) for name in names]
    least = min((errors for errors, _ in measured), default=limit + 1)
    return sorted(name for errors, name in measured if errors == least <= limit)


def _score(entry: Entry, word: str) -> int:
    """Answer how well *word* fits: a name better than a description, 0 when it does not."""
    names = [part for name in (entry.name, *entry.aliases) for part in _words(name)]
    if word in names:
        return 8
    if any(name.startswith(word) for name in names):
        return 6
    if len(word) > 2 and any(word in name for name in names):
        return 4
    told = [*_words(entry.text), *(part for each in entry.options for part in _words(each.name))]
    if any(other.startswith(word) for other in told):
        return 3
    if near(names, word):
        return 2
    return 1 if near(told, word) else 0


def _words(text: str) -> Sequence[str]:
    return WORD.findall(text.casefold())
