"""Welcome texts, and what hinders the role for new members."""

from __future__ import annotations

import pytest

from bot.plugins.server.greeting import Grant, Person, greeting, obstacle

ALICE = Person(id=5, name="alice")


def test_a_greeting_names_who_came() -> None:
    """All placeholders at once."""
    text = greeting("{mention}: {user}, {count} in {server}", ALICE, server="Home", count=3)

    assert text == "<@5>: alice, 3 in Home"


def test_a_name_is_no_template() -> None:
    """Who is called like a placeholder is greeted by that name."""
    assert greeting("Hi {user}", Person(id=5, name="{server}"), server="Home", count=1) == (
        "Hi {server}"
    )


@pytest.mark.parametrize(
    ("grant", "why"),
    [
        pytest.param(Grant(), "is gone", id="gone"),
        pytest.param(
            Grant(role_name="x", role_position=1, role_managed=True, bot_position=9),
            "integration",
            id="managed",
        ),
        pytest.param(
            Grant(role_name="x", role_position=1, bot_position=9), "may not manage", id="permission"
        ),
        pytest.param(
            Grant(role_name="x", role_position=9, bot_position=9, may_manage=True),
            "not below",
            id="as high",
        ),
        pytest.param(
            Grant(role_name="x", role_position=8, bot_position=9, may_manage=True), None, id="fine"
        ),
    ],
)
def test_what_hinders_the_role(grant: Grant, why: str | None) -> None:
    """Each reason is told."""
    answer = obstacle(grant)

    assert answer is None if why is None else why in str(answer)
