"""Who may act on whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.moderation import hierarchy
from bot.moderation.hierarchy import (
    Person,
    Rank,
    Refusal,
    RoleFacts,
    may_act,
    may_change_role,
    may_change_roles_of,
    may_time_out,
)

OWNER_ID = 1
OWNER = Person(id=OWNER_ID, rank=Rank(0, 0))
BOT = Person(id=2, rank=Rank(50, -2))
HIGH = Person(id=3, rank=Rank(20, -3))
LOW = Person(id=4, rank=Rank(10, -4))
PLAIN = Person(id=5, rank=Rank(0, 0))
STRANGER = Person(id=6, rank=None)
ABOVE_ALL = Person(id=7, rank=Rank(60, -7))


@pytest.mark.parametrize(
    ("actor", "target", "expected"),
    [
        pytest.param(HIGH, PLAIN, None, id="a moderator, a plain member"),
        pytest.param(HIGH, LOW, None, id="a higher moderator, a lower one"),
        pytest.param(LOW, HIGH, hierarchy.ABOVE_ACTOR, id="a lower moderator, a higher one"),
        pytest.param(LOW, replace(PLAIN, rank=LOW.rank), hierarchy.ABOVE_ACTOR, id="equals"),
        pytest.param(LOW, STRANGER, None, id="a user who is no member"),
        pytest.param(LOW, OWNER, hierarchy.OWNER, id="the owner, whatever their roles"),
        pytest.param(LOW, BOT, hierarchy.BOT, id="the bot"),
        pytest.param(OWNER, BOT, hierarchy.BOT, id="the owner, the bot"),
        pytest.param(LOW, LOW, hierarchy.SELF, id="oneself"),
        pytest.param(OWNER, OWNER, hierarchy.SELF, id="the owner, themselves"),
        pytest.param(OWNER, HIGH, None, id="the owner needs no role"),
        pytest.param(OWNER, ABOVE_ALL, hierarchy.ABOVE_BOT, id="the bot is too low"),
        pytest.param(ABOVE_ALL, replace(HIGH, rank=BOT.rank), hierarchy.ABOVE_BOT, id="the bot's"),
        pytest.param(STRANGER, PLAIN, hierarchy.ACTOR_LEFT, id="a moderator who has left"),
        pytest.param(BOT, HIGH, None, id="the bot of its own accord"),
        pytest.param(BOT, ABOVE_ALL, hierarchy.ABOVE_BOT, id="the bot, somebody above it"),
        pytest.param(BOT, OWNER, hierarchy.OWNER, id="the bot, the owner"),
        pytest.param(BOT, BOT, hierarchy.BOT, id="the bot, itself"),
    ],
)
def test_rank_decides(actor: Person, target: Person, expected: Refusal | None) -> None:
    """Who stands higher may act on who stands lower, and nobody on owner, bot and themselves."""
    assert may_act(actor, target, BOT, OWNER_ID) == expected


def test_a_bot_that_owns_the_guild_reaches_everybody() -> None:
    """Its roles do not matter then, as they do not for any owner."""
    assert may_act(BOT, ABOVE_ALL, BOT, BOT.id) is None


def test_of_two_roles_at_one_position_the_older_is_higher() -> None:
    """As Discord sorts them."""
    older, younger = Rank.of(5, 100), Rank.of(5, 200)

    assert older > younger
    assert Rank.of(6, 300) > older


def test_administrators_are_not_timed_out() -> None:
    """Discord refuses that even to the owner; a ban it does not."""
    admin = replace(LOW, is_admin=True)

    assert may_time_out(OWNER, admin, BOT, OWNER_ID) == hierarchy.ADMIN
    assert may_act(OWNER, admin, BOT, OWNER_ID) is None
    assert may_time_out(OWNER, LOW, BOT, OWNER_ID) is None
    assert may_time_out(LOW, replace(HIGH, is_admin=True), BOT, OWNER_ID) == hierarchy.ABOVE_ACTOR


@pytest.mark.parametrize(
    ("actor", "role", "expected"),
    [
        pytest.param(HIGH, RoleFacts(rank=Rank(19, 0)), None, id="a lower role"),
        pytest.param(HIGH, RoleFacts(rank=Rank(20, -3)), hierarchy.ROLE_ABOVE_ACTOR, id="own role"),
        pytest.param(HIGH, RoleFacts(rank=Rank(30, 0)), hierarchy.ROLE_ABOVE_ACTOR, id="a higher"),
        pytest.param(OWNER, RoleFacts(rank=Rank(30, 0)), None, id="the owner gives any"),
        pytest.param(OWNER, RoleFacts(rank=Rank(50, -2)), hierarchy.ROLE_ABOVE_BOT, id="the bot's"),
        pytest.param(STRANGER, RoleFacts(rank=Rank(1, 0)), hierarchy.ACTOR_LEFT, id="who has left"),
        pytest.param(BOT, RoleFacts(rank=Rank(30, 0)), None, id="the bot of its own accord"),
        pytest.param(
            OWNER,
            RoleFacts(rank=Rank(0, 0), is_default=True),
            hierarchy.ROLE_DEFAULT,
            id="everyone",
        ),
        pytest.param(
            OWNER,
            RoleFacts(rank=Rank(3, 0), is_managed=True),
            hierarchy.ROLE_MANAGED,
            id="an integration's",
        ),
    ],
)
def test_roles_are_given_from_above(
    actor: Person, role: RoleFacts, expected: Refusal | None
) -> None:
    """Nobody gives or takes a role that is not below their own."""
    assert may_change_role(actor, role, BOT, OWNER_ID) == expected


@pytest.mark.parametrize(
    ("actor", "target", "expected"),
    [
        pytest.param(LOW, LOW, None, id="oneself"),
        pytest.param(OWNER, ABOVE_ALL, None, id="above the bot"),
        pytest.param(LOW, ABOVE_ALL, hierarchy.ABOVE_ACTOR, id="above the moderator"),
        pytest.param(LOW, OWNER, hierarchy.OWNER, id="the owner"),
        pytest.param(BOT, LOW, None, id="the bot of its own accord"),
        pytest.param(OWNER, BOT, hierarchy.BOT, id="the bot"),
    ],
)
def test_whose_roles_may_be_changed(
    actor: Person, target: Person, expected: Refusal | None
) -> None:
    """Discord looks at the role alone, not at who gets it from the bot."""
    assert may_change_roles_of(actor, target, BOT, OWNER_ID) == expected


ranks = st.builds(Rank, st.integers(0, 6), st.integers(-6, 0))
persons = st.builds(Person, id=st.integers(1, 6), rank=st.none() | ranks, is_admin=st.booleans())


@given(actor=persons, target=persons, bot=persons, owner_id=st.integers(1, 6))
def test_nothing_happens_that_discord_would_refuse_or_a_moderator_may_not(
    actor: Person, target: Person, bot: Person, owner_id: int
) -> None:
    """Whatever the roles: what is allowed is below actor and bot, and none of the protected."""
    if may_act(actor, target, bot, owner_id) is not None:
        return

    assert target.id not in (actor.id, bot.id, owner_id)
    assert actor.rank is not None or actor.id == bot.id
    if target.rank is not None:
        assert bot.id == owner_id or (bot.rank is not None and bot.rank > target.rank)
        free = actor.id in (owner_id, bot.id)
        assert free or (actor.rank is not None and actor.rank > target.rank)


@given(actor=persons, target=persons, bot=persons, owner_id=st.integers(1, 6))
def test_a_higher_moderator_may_no_less(
    actor: Person, target: Person, bot: Person, owner_id: int
) -> None:
    """A promotion takes nothing away."""
    if may_act(actor, target, bot, owner_id) is None and actor.rank is not None:
        raised = replace(actor, rank=Rank(actor.rank.position + 1, actor.rank.older))

        assert may_act(raised, target, bot, owner_id) is None


@given(one=persons, other=persons, bot=persons, owner_id=st.integers(1, 6))
def test_two_moderators_can_never_remove_each_other(
    one: Person, other: Person, bot: Person, owner_id: int
) -> None:
    """Else a quarrel would be decided by who is faster."""
    if one.id == other.id or bot.id in (one.id, other.id):
        return
    if one.rank is None or other.rank is None:
        return
    refusals = (may_act(one, other, bot, owner_id), may_act(other, one, bot, owner_id))

    assert any(refusal is not None for refusal in refusals)
