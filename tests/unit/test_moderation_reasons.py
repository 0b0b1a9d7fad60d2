"""Reasons, and what the audit log is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.moderation.reasons import (
    MAX_AUDIT_REASON,
    MAX_REASON,
    NO_REASON,
    audit_reason,
    cleaned,
    is_of,
    reason_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, NO_REASON, id="none"),
        pytest.param("  \n\t ", NO_REASON, id="blank"),
        pytest.param(" spam\r\nin  #general ", "spam in #general", id="lines"),
        pytest.param("a\x00b\x1b[31mc", "a b [31mc", id="control characters"),
        pytest.param("half \ud83d of a pair", "half of a pair", id="surrogate"),
        pytest.param("größer 🎉", "größer 🎉", id="letters of all kinds"),
        pytest.param("x" * (MAX_REASON + 1), "x" * (MAX_REASON - 1) + "…", id="too long"),
        pytest.param("x" * MAX_REASON, "x" * MAX_REASON, id="just fits"),
    ],
)
def test_a_reason_is_kept_on_one_line(text: str | None, expected: str) -> None:
    """It goes into headers, databases and embeds."""
    assert reason_of(text) == expected


def test_the_audit_log_is_told_case_and_moderator() -> None:
    """It names the bot as the one who acted."""
    told = audit_reason("spam", number=12, moderator_id=34, moderator_name="mod")

    assert told == "Case 12 by mod (34): spam"


def test_a_moderator_whom_the_cache_does_not_know_is_named_by_id() -> None:
    """The id is what counts."""
    assert audit_reason("spam", number=12, moderator_id=34) == "Case 12 by 34: spam"


@given(
    reason=st.text(), name=st.text(), number=st.integers(1, 10**9), user=st.integers(1, 2**63 - 1)
)
def test_any_reason_fits_a_header(reason: str, name: str, number: int, user: int) -> None:
    """Whatever is written: it can be encoded, has no line break, and moderator and case are in."""
    told = audit_reason(reason, number=number, moderator_id=user, moderator_name=name)

    assert 1 <= len(told) <= MAX_AUDIT_REASON
    assert told.encode("utf-8").decode("utf-8") == told
    assert not any(each in told for each in "\r\n\x00")
    assert is_of(told, number)
    assert not is_of(told, number + 1)
    assert not is_of(None, number)
    assert str(user) in told


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """What is clean stays as it is."""
    assert cleaned(cleaned(text)) == cleaned(text)
