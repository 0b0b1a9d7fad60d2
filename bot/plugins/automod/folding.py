"""Brings a text to the form in which words are compared: what is read alike becomes alike. Pure.

Each character is folded by itself and then remembered, so the time is linear in the length of the
text. (`unicodedata.normalize` of a whole text is not: it sorts runs of combining characters.)
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from bot.plugins.automod.lookalikes import ENDS, LEET, LOOKALIKES, STROKES, UNSEEN

MAX_REMEMBERED = 50_000  # characters; Unicode has 150,000, and nobody writes with all of them
_DROPPED = frozenset({"Mn", "Me", "Cc", "Cf", "Cn", "Co", "Cs"})
_SIGNS = "".join(map(chr, LEET)) + STROKES
_TOKENS = re.compile(rf"[\w{re.escape(_SIGNS)}]+")  # of a text without low lines
# Of words with one space between them:
_SINGLES = re.compile(r"(?<!\S)[^\d ](?: [^\d ]){2,}(?!\S)")  # b a d
_SPELT = re.compile(r" [^\d ] [^\d ] [^\d ] ")  # the same, found sooner
_STRETCHED = re.compile(r"([^\d ])\1\1+")  # baaad
LONGEST_LETTER = 3  # characters that one is decomposed into
_MARKS = ("*", "__", "~~", "||", "`")
# What Discord shows as bold, struck or hidden, within a word: ba**dwo**rd
_FORMATTING = re.compile(r"(?<=\S)(?:\*+|__+|~~+|\|\|+|`+)(?=\S)")


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
        folded = chr(code)
        # Ideographs and syllables, most of all characters, stay as they are.
        if not (0x4E00 <= code < 0x9FFD or 0xAC00 <= code < 0xD7A4 or 0x20000 <= code < 0x2A6DE):
            folded = _letter(folded)
        if len(self) < MAX_REMEMBERED:
            self[code] = folded
        return folded


def _letter(character: str) -> str:
    """Answer what *character* is compared as; what that answers is folded to itself."""
    category = unicodedata.category(character)
    if category == "Lo" and not unicodedata.decomposition(character):
        return LOOKALIKES.get(character, "" if character in UNSEEN else character)
    if character.isspace():
        return " "
    if character in LOOKALIKES:
        return LOOKALIKES[character]
    if category in _DROPPED or character in UNSEEN:
        return ""
    small = unicodedata.normalize("NFKD", character).casefold()
    if small == character:
        return character
    # Some stand for a whole word, one for a sentence: nobody spells with them.
    return "".join(map(_letter, small)) if len(small) <= LONGEST_LETTER else " "


_LETTERS = _Letters()


def letters(text: str) -> str:
    """Answer *text* with each character folded; the first step of all else here."""
    return text.translate(_LETTERS)


def readings(folded: str) -> tuple[Folded, ...]:
    """Answer how a text of `letters` may be read: four ways at most, one as a rule.

    A ``1``, ``!`` or ``|`` may be an i or an l; a letter that is stretched may be one or two;
    what makes a part of a word bold may be seen or not.
    """
    seen = folded
    if any(mark in folded for mark in _MARKS):
        seen = _FORMATTING.sub("", folded)
    tokens = _tokens(seen)
    found = _read(_joined(tokens, _AS_I))
    if any(stroke in seen for stroke in STROKES):
        found.append(_read(_joined(tokens, _AS_L))[0])
    if seen != folded:
        found.append(_read(_joined(_tokens(folded), _AS_I))[0])
    return tuple(dict.fromkeys(found))


def fold(text: str) -> str:
    """Answer *text* as it is compared, strokes read as i; folding it again changes nothing."""
    return readings(letters(text))[0].text


def likeness(folded: str) -> int | None:
    """Answer a number that is equal for texts of `letters` that read alike; None: it is empty."""
    said = " ".join(folded.split())
    return hash(said) if said else None


def _tokens(text: str) -> list[str]:
    return _TOKENS.findall(text.replace("_", " "))


def _joined(tokens: list[str], leet: dict[int, str]) -> str:
    """Answer the words with one space between them."""
    if "".join(tokens).isalpha():
        return " ".join(tokens)
    words = [token if token.isalpha() else _word(token, leet) for token in tokens]
    return " ".join(filter(None, words))


def _word(token: str, leet: dict[int, str]) -> str:
    """Answer one word; a number stays one, and an exclamation mark at its end is none of it."""
    token = token.strip(ENDS)
    if not any(map(str.isalpha, token)):
        return "".join(filter(str.isalnum, token))
    return token.translate(leet)


def _read(text: str) -> list[Folded]:
    """Answer how words that are `_joined` are read: in two ways where a letter is stretched."""
    runs: list[str] = []

    def together(singles: re.Match[str]) -> str:
        runs.append(singles.group().replace(" ", ""))
        return runs[-1]

    if _SPELT.search(f" {text} "):
        text = _SINGLES.sub(together, text)
    if not _STRETCHED.search(text):
        return [Folded(text=text, runs=tuple(runs))]
    return [
        Folded(
            text=_STRETCHED.sub(letter, text),
            runs=tuple(_STRETCHED.sub(letter, run) for run in runs),
        )
        for letter in (r"\1", r"\1\1")
    ]


_AS_I, _AS_L = (LEET | {ord(sign): letter for sign in STROKES} for letter in "il")
