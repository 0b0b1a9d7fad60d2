"""Cases, and what is shown of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.moderation import cards, letters
from bot.moderation.case import Case
from bot.plugins.moderation import lists, wording

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
CASE = Case(
    id=1,
    number=12,
    guild_id=2,
    action="ban",
    target_id=3,
    moderator_id=4,
    moderator_name="mod",
    reason="spam",
    status="done",
    created_at=NOW,
)


@pytest.mark.parametrize(
    ("case", "active"),
    [
        pytest.param(CASE, True, id="for good"),
        pytest.param(replace(CASE, expires_at=LATER), True, id="not over yet"),
        pytest.param(replace(CASE, expires_at=NOW), False, id="over this moment"),
        pytest.param(replace(CASE, ended_at=NOW), False, id="taken back"),
        pytest.param(replace(CASE, status="pending"), False, id="not done yet"),
        pytest.param(replace(CASE, status="failed"), False, id="never done"),
    ],
)
def test_a_case_holds_from_when_it_was_done_until_its_end(case: Case, active: bool) -> None:
    """The end itself is past it."""
    assert case.is_active(NOW) is active


def test_a_card_shows_all_that_is_known() -> None:
    """And fits Discord's limits, whatever the reason."""
    case = replace(CASE, reason="x" * 2000, expires_at=LATER, note="told", extra={"shown": "more"})
    embed = cards.embed_of(case)

    fields = {field.name: field.value or "" for field in embed.fields}
    assert embed.title == "Case 12: ban"
    assert list(fields) == ["User", "Moderator", "Reason", "Until", "Details", "Note"]
    assert "<@3>" in fields["User"]
    assert all(len(value) <= cards.MAX_VALUE for value in fields.values())


def test_a_card_of_a_channel_names_the_channel() -> None:
    """A lock has a channel as its target."""
    field = cards.embed_of(replace(CASE, action="lock")).fields[0]

    assert (field.name, field.value) == ("Channel", "<#3> `3`")


@pytest.mark.parametrize(
    ("status", "title"),
    [
        pytest.param("pending", "Case 12: ban (unfinished)", id="pending"),
        pytest.param("failed", "Case 12: ban (failed)", id="failed"),
        pytest.param("done", "Case 12: ban", id="done"),
    ],
)
def test_a_title_says_what_did_not_go_well(status: str, title: str) -> None:
    """What is well needs no word."""
    assert cards.title_of(replace(CASE, status=status)) == title  # type: ignore[arg-type]


def test_a_letter_says_what_where_until_when_and_why() -> None:
    """And not who: moderators are not to be sought out for it."""
    text = letters.text_of(replace(CASE, expires_at=LATER), "My *server*")

    assert text.startswith("You have been banned from **My \\*server\\***.\nUntil <t:")
    assert text.endswith("Reason: spam")
    assert "4" not in text.replace(str(int(LATER.timestamp())), "")


def test_a_question_shows_id_details_and_reason() -> None:
    """A name alone can be anybody's, and may hold markup."""
    who = wording.name_of("b*o*b", 3)
    details = wording.ban_details(LATER, 7, is_member=False)
    asked = wording.question("Ban", who, details=details, reason="y" * 300)

    assert asked.startswith("Ban **b\\*o\\*b** (`3`)?\nUntil <t:")
    assert "last 7 days" in asked
    assert "no member" in asked
    assert asked.endswith("y…")


def test_lists_have_pages() -> None:
    """The page before the last is full."""
    cases = [replace(CASE, id=number, number=number) for number in range(20)]
    pages = lists.pages(cases, title="Cases", now=NOW)

    assert len(pages) == 3
    assert pages[0].text.count("spam") == lists.PER_PAGE
    assert lists.pages([], title="Cases", now=NOW)[0].text == "There are none."


AT = f"<t:{int(LATER.timestamp())}:R>"


@pytest.mark.parametrize(
    ("case", "end"),
    [
        pytest.param(CASE, "", id="for good"),
        pytest.param(replace(CASE, expires_at=LATER), f"until {AT}", id="for a time"),
        pytest.param(replace(CASE, expires_at=LATER, ended_at=LATER), f"ended {AT}", id="ended"),
        pytest.param(replace(CASE, expires_at=LATER, status="failed"), "", id="never done"),
    ],
)
def test_a_list_says_until_when_a_case_holds(case: Case, end: str) -> None:
    """And when it was over, if it is."""
    line = cards.line_of(case, NOW)

    assert line.partition("\n-# ")[2] == end
    if end.startswith("until"):
        assert cards.line_of(case, LATER).endswith(f"expired {AT}")


def test_a_card_of_a_warning_says_until_when_it_counts() -> None:
    """Relative to whoever reads it."""
    field = cards.embed_of(replace(CASE, action="warn", expires_at=LATER)).fields[-1]

    assert field.name == "Counts until"
    assert AT in str(field.value)


@pytest.mark.parametrize("reason", ["x" * 1000, "*" * 1000])
def test_a_full_page_fits_an_embed(reason: str) -> None:
    """Markup that is escaped grows."""
    case = replace(
        CASE,
        number=10**9,
        target_id=2**63,
        moderator_id=2**63,
        action="role_remove",
        expires_at=NOW,
        reason=reason,
    )
    pages = lists.pages([case] * lists.PER_PAGE, title="Cases", now=NOW)

    assert len(pages[0].text) <= 4096
