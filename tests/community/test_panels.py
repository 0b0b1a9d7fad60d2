"""Panels of self-roles as moderators make them and members use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.community.panel_form import make_panel, panel_message, roles_of
from tests.community.stage import Stage, serving, simulated, words_of
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("panels")


async def add_roles(stage: Stage, *names: str) -> dict[str, str]:
    """Create roles below those of the bot and of the moderators; answers name → id."""
    found = {}
    for name in names:
        found[name] = (await stage.driver.add_role(name))["id"]
    if stage.bot is not None:
        guild = stage.bot.guilds[0]
        await until(lambda: all(guild.get_role(int(role)) for role in found.values()))
    return found


async def choose(stage: Stage, message: str, values: list[str], *, user: str = "alice") -> str:
    """Use the menu of a panel; answers what its user is told."""
    shown = await stage.driver.select(message, values, user=user, wait_s=10)
    assert shown["ephemeral"]
    return words_of(shown["response"])


async def press(stage: Stage, message: str, label: str, *, user: str = "alice") -> str:
    """Press a button of a panel; answers what its user is told."""
    shown = await stage.driver.click(message, label=label, user=user, wait_s=10)
    assert shown["ephemeral"]
    return words_of(shown["response"])


async def test_a_menu_gives_what_is_chosen_and_takes_what_is_not(stage: Stage) -> None:
    """It says what its user wants to have."""
    ids = await add_roles(stage, "Red", "Blue", "Green")
    assert "is made" in await make_panel(stage, ["Red", "Blue"])
    message = panel_message(stage)

    assert "You now have" in await choose(stage, message, [ids["Red"], ids["Blue"]])
    assert roles_of(stage, "alice") == {"Red", "Blue"}
    assert "no longer have" in await choose(stage, message, [ids["Blue"]])
    assert roles_of(stage, "alice") == {"Blue"}
    assert "Nothing changed" in await choose(stage, message, [ids["Blue"]])
    await choose(stage, message, [])
    assert roles_of(stage, "alice") == set()
    assert roles_of(stage, "bob") == set()


async def test_buttons_of_which_one_role_may_be_had_swap(stage: Stage) -> None:
    """The other role goes, and the same button takes its own back."""
    await add_roles(stage, "Red", "Blue")
    await make_panel(stage, ["Red", "Blue"], style="buttons", mode="one")
    message = panel_message(stage)

    await press(stage, message, "Red")
    await press(stage, message, "Blue")
    assert roles_of(stage, "alice") == {"Blue"}
    await press(stage, message, "Blue")
    assert roles_of(stage, "alice") == set()


def forget(state_dir: Path) -> None:
    """Delete the database, as if years had gone by and somebody had begun anew."""
    for name in state_dir.glob("novera.db*"):
        name.unlink()


@pytest.mark.parametrize("style", ["select", "buttons"])
async def test_a_panel_of_last_year_works(
    style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process knows nothing of it, not even from the database."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["panels"]):
            ids = await add_roles(stage, "Red", "Blue")
            await make_panel(stage, ["Red", "Blue"], style=style, mode="one")
        message = panel_message(stage)
        forget(tmp_path)
        async with serving(stage, monkeypatch, ["panels"]):
            if style == "select":
                await choose(stage, message, [ids["Red"]])
                await choose(stage, message, [ids["Blue"]])
            else:
                await press(stage, message, "Red")
                await press(stage, message, "Blue")

            assert roles_of(stage, "alice") == {"Blue"}


@pytest.mark.parametrize(
    ("permissions", "why"),
    [
        pytest.param(["ban_members"], "Ban Members", id="ban"),
        pytest.param(["administrator"], "Administrator", id="administrator"),
        pytest.param(["manage_guild"], "Manage Server", id="manage"),
    ],
)
async def test_a_dangerous_role_is_not_offered(
    stage: Stage, permissions: list[str], why: str
) -> None:
    """It is refused with the reason, and no panel is posted."""
    await stage.driver.add_role("Chief", permissions=permissions)
    await add_roles(stage, "Red")

    told = await make_panel(stage, ["Red", "Chief"], user="owner")

    assert "**Chief**" in told
    assert why in told
    assert "Red" not in told
    assert not [each for each in stage.messages() if each.components]


async def test_a_role_that_became_dangerous_is_not_given(stage: Stage) -> None:
    """What was checked when the panel was made is checked again."""
    ids = await add_roles(stage, "Red")
    await make_panel(stage, ["Red"], style="buttons")
    stage.backend.edit_role(stage.guild.id, int(ids["Red"]), {"permissions": 8})
    red: Any = stage.bot.guilds[0].get_role(int(ids["Red"]))
    await until(lambda: red.permissions.administrator)

    assert "Administrator" in await press(stage, panel_message(stage), "Red")
    assert roles_of(stage, "alice") == set()


def stands_above(stage: Stage, one: int, other: int) -> bool:
    """Answer whether the bot knows that a role stands above another."""
    guild = stage.bot.guilds[0]
    first, second = guild.get_role(one), guild.get_role(other)
    return first is not None and second is not None and first > second


async def test_a_role_above_its_maker_is_not_offered(stage: Stage) -> None:
    """A moderator does not give what is not beneath them."""
    guild = stage.guild
    high = stage.backend.create_role(guild.id, "High")
    moderator = next(role for role in guild.roles.values() if role.name == "Moderator")
    stage.backend.reorder_roles(guild.id, [{"id": high.id, "position": moderator.position + 1}])
    await until(lambda: stands_above(stage, high.id, moderator.id))

    assert "maker" in await make_panel(stage, ["High"])


async def test_a_role_that_was_deleted_is_explained(stage: Stage) -> None:
    """The member hears what is wrong, the others still work."""
    ids = await add_roles(stage, "Red", "Blue")
    await make_panel(stage, ["Red", "Blue"], style="buttons")
    stage.backend.delete_role(stage.guild.id, int(ids["Red"]))
    await until(lambda: stage.bot.guilds[0].get_role(int(ids["Red"])) is None)
    message = panel_message(stage)

    assert "does not exist any more" in await press(stage, message, "Red")
    assert "You now have" in await press(stage, message, "Blue")


async def test_a_panel_is_changed_listed_and_deleted(stage: Stage) -> None:
    """Its message follows, and members keep their roles."""
    await add_roles(stage, "Red", "Blue")
    await make_panel(stage, ["Red"], style="buttons")
    message = panel_message(stage)
    await press(stage, message, "Red")

    edited = {"command": "panel edit", "options": {"panel": 1}, "style": "buttons"}
    assert "is changed" in await make_panel(stage, ["Blue"], **edited)  # type: ignore[arg-type]
    assert "You now have" in await press(stage, message, "Blue")
    assert "Colours · buttons, any" in await stage.slash("panel list")
    asked = await stage.driver.slash("panel delete", options={"panel": 1}, user="mod", wait_s=10)
    await stage.driver.click(asked["response"]["id"], label="Delete", user="mod", wait_s=10)
    await until(lambda: not [each for each in stage.messages() if str(each.id) == message])
    for _ in range(100):  # the message goes first: whoever dies between the two can finish that
        if "There is none" in (listed := await stage.slash("panel list")):
            break
    assert "There is none" in listed
    assert roles_of(stage, "alice") == {"Red", "Blue"}


async def test_a_text_command_offers_the_form_by_a_button(stage: Stage) -> None:
    """Discord shows no form for a message; members are refused."""
    assert "Press the button" in await stage.say("!panel create")
    opened = await stage.driver.click(
        str(stage.messages()[-1].id), label="Make a panel", user="mod", wait_s=10
    )

    assert opened["modal"]["title"] == "A panel of roles"
    assert "Manage Roles" in await stage.say("!panel create", user="alice")
