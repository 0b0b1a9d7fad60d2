"""Patterns of moderators: explained when they are wrong, stopped when they are slow."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.refusals import Refused
from bot.plugins.channels.pattern import TOO_SLOW, Pattern
from bot.plugins.channels.pattern_cost import MAX_GROWTH, growth, objection


async def test_a_pattern_finds_what_it_should() -> None:
    """Anywhere in the text, whatever the case."""
    assert await Pattern(r"buy\s+now").matching(["Please BUY  NOW!", "bye now", ""]) == [
        True,
        False,
        False,
    ]


async def test_a_bad_pattern_is_explained() -> None:
    """With the place."""
    with pytest.raises(Refused, match="no valid pattern: unterminated character set at character"):
        await Pattern("ab[c").matching(["x"])


@pytest.mark.parametrize("pattern", [r"(a+)+$b", r"(?:a|aa)+$b"])
async def test_a_pattern_that_never_ends_is_stopped(pattern: str) -> None:
    """One message of 4,000 characters is enough, and a fraction of a second."""
    began_s = time.monotonic()
    with pytest.raises(Refused) as refused:
        await Pattern(pattern).matching(["a" * 4000] * 100)

    assert str(refused.value) == TOO_SLOW
    assert time.monotonic() - began_s < 2


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("a" * 201, "200 characters", id="long"),
        pytest.param("((a{1000}){1000}){1000}", "repetitions", id="gigabytes"),
        pytest.param("(?:" * 19 + "a" + "){1,99}" * 19, "repetitions", id="nested"),
        pytest.param("(?:" * 30 + "a" + ")+" * 30, "repetitions", id="nested pluses"),
        pytest.param("a{99999999}", "too many times", id="one, and many times"),
        pytest.param("(?x)a # {", "verbose", id="verbose"),
        pytest.param("(?ix:a{1 000})", "verbose", id="verbose in a group"),
        pytest.param("(?i-x)(?V1x)a{1 000}", "verbose", id="verbose among others"),
    ],
)
def test_what_would_take_all_memory_is_not_compiled(pattern: str, words: str) -> None:
    """The time limit of the library is for searches; compiling has none."""
    with pytest.raises(Refused, match=words):
        Pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^buy (?:now|here)\b",
        r"discord\.gg/\w{2,32}",
        r"[\w.+-]+@[\w-]+\.\w+",
        "(?i)x{1,100}y",
        "spam(?!x)",
        r"(?P<text>\d+)x",
        "(?<=xx)y",
    ],
)
def test_patterns_that_people_write_are_taken(pattern: str) -> None:
    """The limits are far away."""
    assert objection(pattern) is None


@given(st.text(alphabet="a(){}+*?,0123456789[]\\|", max_size=60))
async def test_a_pattern_that_is_taken_compiles_soon(text: str) -> None:
    """Whatever its nesting: it is refused, explained, or done."""
    began_s = time.monotonic()
    with contextlib.suppress(Refused):
        await Pattern(text).matching(["aaa", "0" * 50])

    assert time.monotonic() - began_s < 2


@given(st.text(alphabet="a(){}+,0123456789", max_size=40), st.text(max_size=5))
def test_growth_is_never_less_for_more(text: str, tail: str) -> None:
    """A longer pattern is not cheaper."""
    assert growth(text + " " + tail) >= growth(text)
    assert growth("a{9}b{9}+") == 200 < MAX_GROWTH
