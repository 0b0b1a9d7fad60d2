"""Names of tags."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.tags.naming import (
    MAX_CONTENT,
    MAX_NAME,
    TagInfo,
    TagRuleError,
    checked_content,
    checked_name,
    key_of,
    like_pattern,
    may_change,
)

TAKEN = frozenset({"create", "edit"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Rules", "rules", id="case"),
        pytest.param("how  to\task ", "how to ask", id="spaces"),
        pytest.param("\uff32\uff35\uff2c\uff25\uff33", "rules", id="wide letters"),
        pytest.param("\ufb01le", "file", id="a ligature"),
        pytest.param("stra\u00dfe", "STRASSE", id="a letter that becomes two"),
        pytest.param("\u2764\ufe0f", "\u2764", id="a heart of another colour"),
        pytest.param("cafe\u0301", "caf\u00e9", id="an accent apart"),
    ],
)
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    """Nobody can hide a tag behind another's name."""
    assert key_of(one) == key_of(other)


@given(st.text(max_size=60))
def test_a_key_is_its_own_key(name: str) -> None:
    """What is compared does not change when it is compared again."""
    assert key_of(key_of(name)) == key_of(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("  ", "needs a name", id="empty"),
        pytest.param("\ufe0f", "needs a name", id="nothing but a variation"),
        pytest.param("\u3164", "invisible", id="a letter that shows nothing"),
        pytest.param("a\u2800b", "invisible", id="a blank in braille"),
        pytest.param("a" * (MAX_NAME + 1), f"at most {MAX_NAME}", id="long"),
        pytest.param("\ufdfa" * 10, f"at most {MAX_NAME}", id="short but long when compared"),
        pytest.param("Create", "is a command", id="a subcommand"),
        pytest.param("edit this", "is a command", id="begins with a subcommand"),
        pytest.param("a\u200bb", "invisible", id="zero width"),
        pytest.param("@everyone", "any of", id="a mention"),
        pytest.param("<@1>", "any of", id="a user"),
        pytest.param("\uff20here", "any of", id="a wide at sign"),
        pytest.param("a`b", "any of", id="a backtick"),
    ],
)
def test_a_name_is_refused(name: str, why: str) -> None:
    """The text says why."""
    with pytest.raises(TagRuleError, match=why):
        checked_name(name, taken=TAKEN)


@pytest.mark.parametrize("name", ["rules", "How to ask", "creates", "été", "日本語", "c++"])
def test_a_name_is_taken(name: str) -> None:
    """As it is written, with single spaces."""
    assert checked_name(f" {name.replace(' ', '   ')} ", taken=TAKEN) == name


@pytest.mark.parametrize("content", ["", " \n", "a" * (MAX_CONTENT + 1)])
def test_a_text_is_refused(content: str) -> None:
    """It must be a message."""
    with pytest.raises(TagRuleError):
        checked_content(content)


def test_a_text_is_kept_as_it_is() -> None:
    """With its lines and spaces, up to the limit."""
    assert checked_content(" a\n b") == " a\n b"
    assert checked_content("a" * MAX_CONTENT) == "a" * MAX_CONTENT


def test_who_may_change_a_tag() -> None:
    """Its owner, and who manages messages."""
    tag = TagInfo(
        id=1, name="a", content="b", owner_id=7, uses=0, created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )

    assert may_change(tag, user_id=7, manages_messages=False)
    assert may_change(tag, user_id=8, manages_messages=True)
    assert not may_change(tag, user_id=8, manages_messages=False)


def test_a_search_means_what_it_says() -> None:
    """Characters with a meaning in SQL have none here."""
    assert like_pattern("50%_A\\") == "%50\\%\\_a\\\\%"
