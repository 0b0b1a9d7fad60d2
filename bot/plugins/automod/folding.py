"""Brings a text to the form in which words are compared: what is read alike becomes alike. Pure.

Each character is folded by itself and then remembered, so the time is linear in the length of the
text. (`unicodedata.normalize` of a whole text is not: it sorts runs of combining characters.)
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass

from bot.plugins.automod.lookalikes import ENDS, LEET, LOOKALIKES, SENTENCES, STROKES, UNSEEN

MAX_REMEMBERED = 20_000  # characters; Unicode has 150,000, and nobody writes with all of them
SHORTEST_RUN = 3  # letters written one by one that are read as a word
_DROPPED = frozenset({"Mn", "Me", "Cc", "Cf", "Cn", "Co", "Cs"})
_TOKENS = re.compile(rf"(?:[^\W_]|[{re.escape(''.join(map(chr, LEET)) + STROKES)}])+")
_STRETCHED = re.compile(r"(.)\1\1+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A text as it is compared.

    Attributes:
        text: Its words in small letters with one space between them.
        runs: Those of them that were written letter by letter, as ``b a d``.
    """

    text: str
    runs: tuple[str, ...]


class _Letters(dict[int, str]):
    """Remembers how each character is folded, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        folded = _letter(chr(code))  # some 0.5 µs: a whole message of strangers takes 2 ms
        if len(self) < MAX_REMEMBERED:
            self[code] = folded
        return folded


def _letter(character: str) -> str:
    """Answer what *character* is compared as; what that answers is folded to itself."""
    category = unicodedata.category(character)
    if category == "Lo" and not unicodedata.decomposition(character):
        return LOOKALIKES.get(character, "" if character in UNSEEN else character)
    if character.isspace() or character in SENTENCES:
        return " "
    if character in LOOKALIKES:
        return LOOKALIKES[character]
    if category in _DROPPED or character in UNSEEN:
        return ""
    small = unicodedata.normalize("NFKD", character).casefold()
    return small if small == character else "".join(map(_letter, small))


_LETTERS = _Letters()


def letters(text: str) -> str:
    """Answer *text* with each character folded; the first step of all else here."""
    return text.translate(_LETTERS)


def readings(folded: str) -> tuple[Folded, ...]:
    """Answer how a text of `letters` may be read: in two ways when it has strokes.

    A ``1``, ``!`` or ``|`` may be an i or an l.
    """
    tokens = _TOKENS.findall(folded)
    first = _folded(tokens, "i")
    if not any(stroke in folded for stroke in STROKES):
        return (first,)
    second = _folded(tokens, "l")
    return (first,) if second == first else (first, second)


def fold(text: str) -> str:
    """Answer *text* as it is compared, strokes read as i; folding it again changes nothing."""
    return readings(letters(text))[0].text


def likeness(folded: str) -> int | None:
    """Answer a number that is equal for texts of `letters` that read alike; None: it is empty."""
    said = " ".join(folded.split())
    return hash(said) if said else None


def _folded(tokens: list[str], stroke: str) -> Folded:
    leet = LEET | {ord(sign): stroke for sign in STROKES}
    words: list[str] = []
    runs: list[str] = []
    bare = [word for token in tokens if (word := _word(token, leet))]
    for is_single, group in itertools.groupby(bare, _is_letter):
        together = list(group)
        if is_single and len(together) >= SHORTEST_RUN:
            together = [_STRETCHED.sub(r"\1", "".join(together))]
            runs += together
        words += together
    return Folded(text=" ".join(words), runs=tuple(runs))


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isalpha()


def _word(token: str, leet: dict[int, str]) -> str:
    """Answer one word; a number stays one, and an exclamation mark at its end is none of it."""
    if token.isalpha():
        return _STRETCHED.sub(r"\1", token)
    token = token.strip(ENDS)
    if not any(map(str.isalpha, token)):
        return "".join(filter(str.isalnum, token))
    return _STRETCHED.sub(r"\1", token.translate(leet))
