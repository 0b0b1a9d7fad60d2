"""Cases, and what is shown of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.guilds.model import WarnThreshold
from bot.moderation import cards, failures, letters
from bot.moderation.actions import MAX_TIMEOUT
from bot.moderation.case import Case
from bot.moderation.warnings import until_of
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


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        pytest.param(404, 10013, "no user with that id", id="unknown user"),
        pytest.param(404, 10026, "not banned", id="unknown ban"),
        pytest.param(400, 30035, "limit of bans", id="too many bans"),
        pytest.param(403, 50013, "role is too low", id="missing permissions"),
        pytest.param(403, 0, "role is too low", id="forbidden without a code"),
        pytest.param(404, 0, "can't find", id="gone"),
    ],
)
def test_what_discord_refuses_is_explained(status: int, code: int, words: str) -> None:
    """In words that a moderator can act on."""
    assert words in (failures.explain(status, code) or "")


def test_discords_own_trouble_is_not_explained_away() -> None:
    """It is an error, logged with its id."""
    assert failures.explain(500, 0) is None


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        pytest.param(WarnThreshold(count=3, action="ban"), None, id="for good"),
        pytest.param(
            WarnThreshold(count=3, action="ban", duration_s=86_400 * 90),
            NOW + timedelta(days=90),
            id="a long ban",
        ),
        pytest.param(
            WarnThreshold(count=3, action="timeout", duration_s=86_400 * 90),
            NOW + MAX_TIMEOUT,
            id="a timeout beyond Discord's limit",
        ),
    ],
)
def test_what_follows_warnings_has_an_end(
    reached: WarnThreshold, expected: datetime | None
) -> None:
    """Of a timeout one that Discord takes."""
    assert until_of(reached, NOW) == expected


def test_a_question_shows_id_details_and_reason() -> None:
    """A name alone can be anybody's, and may hold markup."""
    who = wording.name_of("b*o*b", 3)
    details = wording.ban_details(LATER, 7, is_member=False)
    asked = wording.question("Ban", who, details=details, reason="y" * 300)

    assert asked.startswith("Ban **b\\*o\\*b** (`3`)?\nUntil <t:")
    assert "last 7 days" in asked
    assert "no member" in asked
    assert asked.endswith("y…")


def test_lists_have_pages_and_say_what_counts_no_more() -> None:
    """The page before the last is full."""
    cases = [replace(CASE, id=number, number=number) for number in range(20)]
    pages = lists.pages(cases, title="Cases", active={0})

    assert len(pages) == 3
    assert pages[0].text.count("does not count") == lists.PER_PAGE - 1
    assert lists.pages([], title="Cases")[0].text == "There are none."


@pytest.mark.parametrize("reason", ["x" * 1000, "*" * 1000])
def test_a_full_page_fits_an_embed(reason: str) -> None:
    """Markup that is escaped grows."""
    case = replace(
        CASE,
        number=10**9,
        target_id=2**63,
        moderator_id=2**63,
        action="role_remove",
        status="pending",
        reason=reason,
    )
    pages = lists.pages([case] * lists.PER_PAGE, title="Cases", active=())

    assert len(pages[0].text) <= 4096
