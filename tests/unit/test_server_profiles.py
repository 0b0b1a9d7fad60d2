"""Pages about servers and users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.plugins.server.profiles import (
    MAX_ROLES,
    MembershipFacts,
    ServerFacts,
    UserFacts,
    server_page,
    user_page,
)
from bot.views.page import Page

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def value(page: Page, name: str) -> str:
    return next(field.value for field in page.fields if field.name == name)


def user(membership: MembershipFacts | None) -> UserFacts:
    return UserFacts(id=5, name="alice", is_bot=False, created_at=NOW, membership=membership)


def test_a_server_counts_what_it_has() -> None:
    """Kinds of channels that there are none of are not named."""
    page = server_page(
        ServerFacts(
            id=1,
            name="Home",
            owner_id=2,
            created_at=NOW,
            members=10,
            bots=3,
            roles=4,
            channels={"text": 2, "voice": 0},
        )
    )

    assert value(page, "Members") == "10, 3 of them bots"
    assert value(page, "Channels") == "2 text"


def test_a_stranger_is_no_member() -> None:
    """Anybody can be looked up by id."""
    assert value(user_page(user(None), now=NOW), "Here") == "Not a member of this server."


def test_many_roles_are_counted() -> None:
    """The highest are named."""
    page = user_page(
        user(MembershipFacts(nick=None, joined_at=NOW, roles=range(MAX_ROLES + 3))), now=NOW
    )

    assert value(page, "Roles").endswith(f"<@&{MAX_ROLES - 1}> and 3 more")


def test_powers_are_named() -> None:
    """Those that may do harm."""
    powers = frozenset({"ban_members", "speak"})
    page = user_page(user(MembershipFacts(nick=None, joined_at=None, permissions=powers)), now=NOW)

    assert value(page, "May") == "ban members"


def test_a_timeout_is_shown_while_it_lasts() -> None:
    """Discord keeps the time of one that is over."""

    def names(until: datetime) -> list[str]:
        member = MembershipFacts(nick=None, joined_at=None, timed_out_until=until)
        return [field.name for field in user_page(user(member), now=NOW).fields]

    assert "Timed out until" in names(NOW + timedelta(minutes=1))
    assert "Timed out until" not in names(NOW - timedelta(minutes=1))
