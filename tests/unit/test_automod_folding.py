"""Words in disguise: what is read alike is compared alike, in linear time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.automod.config import Config
from bot.plugins.automod.folding import fold, letters, readings
from bot.plugins.automod.lookalikes import LOOKALIKES
from bot.plugins.automod.patterns import Patterns
from bot.plugins.automod.rules import Rulebook

HARD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("abil013!|@$+ .-_\u200b\u0301\u3164\u0430\u043e\uff41\ufdfa"),
    ),
    max_size=60,
)


def book(*words: str, parts: tuple[str, ...] = ()) -> Rulebook:
    """Answer the rules with these words."""
    return Rulebook(Config().changed("words", enabled=True, words=words, parts=parts))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("badword", id="plain"),
        pytest.param("BADWORD!", id="capitals"),
        pytest.param("b\u0430dw\u043erd", id="Cyrillic"),
        pytest.param("\u03b2adw\u03bfrd", id="Greek"),
        pytest.param("\uff42\uff41\uff44\uff57\uff4f\uff52\uff44", id="fullwidth"),
        pytest.param("\U0001d41b\U0001d41a\U0001d41d\U0001d430\U0001d428rd", id="bold"),
        pytest.param("\u24d1\u24d0\u24d3word", id="circled"),
        pytest.param("b\u0301a\u0316d\u0336word", id="combining marks"),
        pytest.param("b\u00e0dw\u00f6rd", id="accents"),
        pytest.param("bad\u200bwo\u2060rd\ufeff", id="zero width"),
        pytest.param("bad\u00adword", id="soft hyphen"),
        pytest.param("bad\u3164word", id="hangul filler"),
        pytest.param("\u202ebadword\u202c", id="turned round marks"),
        pytest.param("b4dw0rd", id="leet"),
        pytest.param("b@dword", id="signs"),
        pytest.param("b a d w o r d", id="spaces"),
        pytest.param("b.a.d.w.o.r.d", id="dots"),
        pytest.param("so b-a_d*w o r d", id="mixed gaps"),
        pytest.param("baaaadword", id="stretched"),
        pytest.param("ba**dwo**rd", id="bold"),
        pytest.param("b||a||dword", id="spoiler"),
        pytest.param("bad~~w~~ord", id="struck"),
        pytest.param("ba`dwo`rd", id="code"),
        pytest.param(f"bad{''.join(chr(0x1F1E6 + ord(c) - 97) for c in 'word')}", id="flags"),
        pytest.param("\U0001f171\U0001f170\U0001f173word", id="squares"),
    ],
)
def test_a_disguise_is_seen_through(text: str) -> None:
    """The word is found as the moderator wrote it."""
    assert book("badword").word_in(letters(text)) == "badword"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("badwords", id="part of a word"),
        pytest.param("bad word", id="two words"),
        pytest.param("notbadword", id="behind something"),
        pytest.param("", id="nothing"),
        pytest.param("\u200b\u0301", id="nothing to be seen"),
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    """A whole word is looked for."""
    assert book("badword").word_in(letters(text)) is None


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        pytest.param(("ass",), "it costs 455", None, id="a number is no word"),
        pytest.param(("ass",), "a55", "ass", id="digits within a word"),
        pytest.param(("hell",), "he1l", "hell", id="a stroke is an l"),
        pytest.param(("ill",), "1ll", "ill", id="a stroke is an i"),
        pytest.param(("no way",), "No    w\u0430y!", "no way", id="phrase"),
        pytest.param(("ass",), "assss", "ass", id="a stretched double letter"),
        pytest.param(("ass",), "a s s s s", "ass", id="stretched letter by letter"),
        pytest.param(("bass",), "as", None, id="a double letter is not one"),
        pytest.param(("bad",), "x**bad**", "bad", id="bold within a word"),
        pytest.param(("1488",), "1488", "1488", id="digits as they are"),
        pytest.param(("\u043c\u0438",), "\u041c\u0418!", "\u043c\u0438", id="Cyrillic"),
    ],
)  # fmt: skip
def test_words_are_found(words: tuple[str, ...], text: str, found: str | None) -> None:
    """Whole words and phrases."""
    assert book(*words).word_in(letters(text)) == found


def test_parts_are_found_within_words_and_not_across() -> None:
    """A word's end and the next one's beginning say nothing."""
    rules = book(parts=("scam",))

    assert rules.word_in(letters("total5camming")) == "scam"
    assert rules.word_in(letters("tacos camp")) is None


@given(HARD)
def test_folding_again_changes_nothing(text: str) -> None:
    """What is compared is compared with the like."""
    once = fold(text)

    assert fold(once) == once


@given(HARD)
def test_what_is_folded_has_no_disguise_left(text: str) -> None:
    """Small letters and digits, one space between them."""
    once = fold(text)

    assert once == once.casefold() == " ".join(once.split())
    assert all(character.isalnum() or character == " " for character in once) or not once.isascii()


@given(st.text(st.characters(), max_size=40), st.integers(2, 5))
def test_folding_is_done_character_by_character(text: str, times: int) -> None:
    """No character looks at its neighbours, so a text twice as long takes twice as long."""
    assert letters(text * times) == letters(text) * times


def test_marks_in_any_number_leave_nothing_to_sort() -> None:
    """They are dropped before anything could be quadratic in them."""
    assert letters("a" + "\u0316\u0301" * 2000) == "a"


def test_lookalikes_are_read_as_one_letter() -> None:
    """Every entry of the table is a character, and none stands for two letters."""
    assert all(len(alike) == 1 and letters(alike) == letter for alike, letter in LOOKALIKES.items())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("words as they are", 1, id="plain"),
        pytest.param("he1lo", 2, id="strokes"),
        pytest.param("aaab", 2, id="a stretch"),
        pytest.param("a**b", 2, id="formatting"),
        pytest.param("1!|laaab**b", 4, id="everything"),
    ],
)
def test_a_message_has_few_readings(text: str, count: int) -> None:
    """However often it could be read in another way."""
    assert len(readings(letters(text))) == count
    assert len(readings(letters(text * 500))) <= 4


@given(st.lists(st.text("ab", min_size=1, max_size=5), max_size=6), st.text("abc", max_size=30))
def test_patterns_are_found_if_they_are_there(texts: list[str], text: str) -> None:
    """Against the plain way to ask."""
    found = Patterns(texts).first_in(text)

    if found is None:
        assert not any(each in text for each in texts)
    else:
        ends = {text.find(each) + len(each) for each in texts if each in text}
        assert found in texts
        assert text.find(found) + len(found) == min(ends)


class CountingText(str):
    """A text that counts how often it is asked for a character."""

    read = 0

    def __iter__(self):  # type: ignore[no-untyped-def] # of str
        for character in str.__iter__(self):
            self.read += 1
            yield character


@pytest.mark.parametrize("length", [100, 1000, 4000])
def test_patterns_read_each_character_once(length: int) -> None:
    """Also where every beginning looks like a pattern."""
    text = CountingText("ab" * (length // 2))
    Patterns(["ab" * 15 + "c", "b" + "ab" * 14 + "d", "abc"]).first_in(text)

    assert text.read == length
