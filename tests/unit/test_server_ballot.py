"""Polls within Discord's limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.server.ballot import BallotError, ballot


def test_answers_are_separated_by_bars_and_lines() -> None:
    """Empty ones are left out."""
    made = ballot(" Which  day? ", "Mon | Tue\nWed ||", hours=24, multiple=True)

    assert made.question == "Which day?"
    assert made.answers == ("Mon", "Tue", "Wed")


@pytest.mark.parametrize(
    ("question", "answers", "hours", "why"),
    [
        pytest.param(" ", "a|b", 1, "1 to 300", id="no question"),
        pytest.param("q" * 301, "a|b", 1, "this has 301", id="long question"),
        pytest.param("q", "a", 1, "this has 1", id="one answer"),
        pytest.param("q", "|".join("abcdefghijk"), 1, "this has 11", id="eleven answers"),
        pytest.param("q", f"a|{'b' * 56}", 1, "number 2 has 56", id="long answer"),
        pytest.param("q", "Yes|yes", 1, "the same", id="twice the same"),
        pytest.param("q", "a|b", 0, "1 to 768", id="no time"),
        pytest.param("q", "a|b", 769, "1 to 768", id="too much time"),
    ],
)
def test_a_limit_is_explained(question: str, answers: str, hours: int, why: str) -> None:
    """The text says which, and what was given."""
    with pytest.raises(BallotError, match=why):
        ballot(question, answers, hours=hours, multiple=False)


@given(st.text(max_size=320), st.text(max_size=700), st.integers(-5, 1000))
def test_what_is_accepted_is_within_the_limits(question: str, answers: str, hours: int) -> None:
    """Whatever is typed."""
    try:
        made = ballot(question, answers, hours=hours, multiple=False)
    except BallotError:
        return

    assert 1 <= len(made.question) <= 300
    assert 2 <= len(made.answers) <= 10
    assert all(1 <= len(answer) <= 55 for answer in made.answers)
    assert 1 <= made.hours <= 768
