"""Welcome texts, and what hinders the role for new members."""

from __future__ import annotations

import pytest

from bot.plugins.server.greeting import Grant, Person, Stage, greeting, harmless, obstacle, silence

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
    "name",
    [
        pytest.param("https://evil.example", id="link"),
        pytest.param("discord.gg/abc", id="invite"),
        pytest.param("[free](https://a.b)", id="masked link"),
        pytest.param("@everyone <@123456789012345678>", id="mentions"),
    ],
)
def test_a_name_is_no_link_no_invite_and_no_mention(name: str) -> None:
    """Who is called like one has nothing posted by the bot; read, it is the same."""
    shown = harmless(name)

    assert shown.replace("\u200b", "").replace("\\", "") == name
    for part in ("://", "gg/a", "@everyone", "<@1"):
        assert part not in shown


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        pytest.param(Stage(is_set=False), "no welcome channel", id="none"),
        pytest.param(Stage(is_there=False), "is gone", id="gone"),
        pytest.param(Stage(may_send=False), "may not send", id="permission"),
        pytest.param(Stage(), None, id="fine"),
    ],
)
def test_what_hinders_a_welcome(stage: Stage, why: str | None) -> None:
    """Each reason is told."""
    answer = silence(stage)

    assert answer is None if why is None else why in str(answer)


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
