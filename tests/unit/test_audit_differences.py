"""What the audit log finds changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.audit.differences import (
    Change,
    Facts,
    MemberFacts,
    Overwrite,
    of_members,
    of_places,
    shown,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(MemberFacts(), MemberFacts(), (), id="nothing"),
        pytest.param(
            MemberFacts(nick="Al"),
            MemberFacts(),
            (Change(what="Nickname", before="`Al`", after="none"),),
            id="nickname taken away",
        ),
        pytest.param(
            MemberFacts(roles={1: "a", 2: "b"}),
            MemberFacts(roles={2: "b", 3: "c"}),
            (Change(what="Roles", before="-`a`", after="+`c`"),),
            id="a role for another",
        ),
        pytest.param(
            MemberFacts(roles={1: "old name"}),
            MemberFacts(roles={1: "new name"}),
            (),
            id="a role renamed is the role's change",
        ),
        pytest.param(
            MemberFacts(),
            MemberFacts(timed_out_until=LATER),
            (Change(what="Timeout", before="none", after=f"until <t:{int(LATER.timestamp())}:f>"),),
            id="timed out",
        ),
        pytest.param(
            MemberFacts(timed_out_until=NOW - timedelta(seconds=1)),
            MemberFacts(),
            (),
            id="a timeout that was over",
        ),
    ],
)
def test_a_member_is_compared(
    before: MemberFacts, after: MemberFacts, expected: tuple[Change, ...]
) -> None:
    """Only what somebody changed is told."""
    assert of_members(before, after, now=NOW) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(Facts(plain={"Name": "a"}), Facts(plain={"Name": "a"}), [], id="nothing"),
        pytest.param(
            Facts(plain={"Name": "a"}),
            Facts(plain={"Name": "b"}),
            ["**Name**: `a` → `b`"],
            id="renamed",
        ),
        pytest.param(
            Facts(plain={"Slowmode": ""}),
            Facts(plain={"Slowmode": "5 s"}),
            ["**Slowmode**: none → `5 s`"],
            id="set",
        ),
        pytest.param(
            Facts(permissions=frozenset({"a", "b"})),
            Facts(permissions=frozenset({"b", "c"})),
            ["**Permissions**: -`a` → +`c`"],
            id="permissions of a role",
        ),
        pytest.param(
            Facts(),
            Facts(overwrites={1: ("mods", Overwrite(allowed=frozenset({"speak"})))}),
            ["**Permissions of `mods`**: none → `+speak`"],
            id="an overwrite is new",
        ),
        pytest.param(
            Facts(overwrites={1: ("mods", Overwrite(denied=frozenset({"speak"})))}),
            Facts(),
            ["**Permissions of `mods`**: `-speak` → none"],
            id="an overwrite is gone",
        ),
    ],
)
def test_a_place_is_compared(before: Facts, after: Facts, expected: list[str]) -> None:
    """Each change is one line."""
    assert [change.line() for change in of_places(before, after)] == expected


@given(st.text(max_size=300))
def test_a_shown_value_stays_within_its_backticks(value: str) -> None:
    """Nobody's name formats, links or breaks the log."""
    answer = shown(value)

    assert answer == "none" or (answer[0] == answer[-1] == "`" and "`" not in answer[1:-1])
    assert len(answer) <= 102
    assert "\n" not in answer
