"""Which roles a panel may offer, and what a press changes."""

from __future__ import annotations

import pytest
from discord import Permissions
from hypothesis import given
from hypothesis import strategies as st

from bot.plugins.panels import model
from bot.plugins.panels.rules import (
    DANGEROUS,
    Change,
    Givers,
    Rank,
    RoleFacts,
    chosen,
    refusal,
    toggled,
)

GIVERS = Givers(bot=Rank.of(10, 100), maker=Rank.of(5, 50))
ids = st.sets(st.integers(1, 30), max_size=25)


def role(position: int = 1, **values: object) -> RoleFacts:
    """Answer a harmless role."""
    facts = {"id": 1, "name": "Red", "rank": Rank.of(position, 1), "permissions": 0, **values}
    return RoleFacts(**facts)  # type: ignore[arg-type]


def test_a_harmless_role_below_everybody_is_offered() -> None:
    """The usual case."""
    assert refusal(role(), GIVERS) is None


@pytest.mark.parametrize("name", DANGEROUS)
def test_no_role_that_can_do_harm_is_offered(name: str) -> None:
    """Each of the permissions counts by itself."""
    granted = Permissions(**{name: True}).value

    assert "grants" in (refusal(role(permissions=granted), GIVERS) or "")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        pytest.param(role(everyone=True), "everybody", id="everyone"),
        pytest.param(role(managed=True), "integration", id="managed"),
        pytest.param(role(10, rank=Rank.of(10, 100)), "my highest", id="the bot's own"),
        pytest.param(role(11), "my highest", id="above the bot"),
        pytest.param(role(7), "maker", id="above the maker"),
        pytest.param(role(5, rank=Rank.of(5, 50)), "maker", id="the maker's own"),
    ],
)
def test_a_role_nobody_there_may_give_is_refused(facts: RoleFacts, why: str) -> None:
    """With its reason."""
    assert why in (refusal(facts, GIVERS) or "")


def test_owners_and_those_who_left_do_not_limit_a_panel() -> None:
    """The bot's own role does still."""
    free = Givers(bot=GIVERS.bot, maker=None)

    assert refusal(role(7), free) is None
    assert refusal(role(11), free) is not None


def test_of_two_roles_at_one_position_the_older_is_higher() -> None:
    """As Discord has it."""
    assert Rank.of(3, 10) > Rank.of(3, 11)


@given(offered=ids, held=ids, choice=ids)
def test_a_choice_done_twice_is_done_once(
    offered: set[int], held: set[int], choice: set[int]
) -> None:
    """After it a member has what was chosen of the offered, and all else as before."""
    change = chosen(offered, held, choice)
    after = (held | set(change.give)) - set(change.take)

    assert after & offered == choice & offered
    assert after - offered == held - offered
    assert chosen(offered, after, choice) == Change()


@given(offered=ids.filter(bool), held=ids, data=st.data())
def test_of_a_panel_for_one_role_at_most_one_is_had(
    offered: set[int], held: set[int], data: st.DataObject
) -> None:
    """Whatever a member had before; other roles stay."""
    pressed = data.draw(st.sampled_from(sorted(offered)))
    before = held - {pressed}
    change = toggled("one", offered, before, pressed)
    after = (before | set(change.give)) - set(change.take)

    assert after & offered == {pressed}
    assert after - offered == held - offered
    assert toggled("any", offered, after, pressed) == Change(take=(pressed,))


def test_ids_hold_all_that_a_press_needs() -> None:
    """They fit into Discord's 100 characters and are read back."""
    made = model.button_id("any", 2**64 - 1, 2**64 - 2)

    assert len(made) <= 100
    found = model.BUTTON.fullmatch(made)
    assert found is not None
    assert (found["maker"], found["role"]) == (str(2**64 - 1), str(2**64 - 2))
    assert model.SELECT.fullmatch(model.select_id("one", 7)) is not None


def test_ids_of_panels_that_live_on_are_understood() -> None:
    """These were posted; whoever changes the format leaves them dead."""
    assert model.SELECT.fullmatch("novera:panel:select:one:123")
    assert model.BUTTON.fullmatch("novera:panel:button:any:123:456")
