"""An unmodified discord.py bot in the simulator: commands and components."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from discord.ext import commands

from bot.tasks.timeouts import with_timeout
from simulator.driver import Driver


async def test_a_slash_command_takes_typed_options(driver: Driver) -> None:
    """Users are named, numbers are numbers."""
    done = await driver.slash("greet", options={"who": "bob", "times": 3}, wait_s=5)

    assert done["response"]["content"] == "hi bob x3"
    assert [each["what"] for each in done["timeline"]] == ["created", "callback"]


async def test_a_deferred_command_shows_every_step(driver: Driver) -> None:
    """Deferral, edit and followup are on the timeline, ephemeral and in order."""
    done = await driver.slash("slow", wait_s=5)
    await driver.wait_for_rest(path="/webhooks/*", method="POST")
    shown = await driver.interaction(done["id"])

    assert [each["what"] for each in shown["timeline"]] == [
        "created",
        "callback",
        "edit",
        "followup",
    ]
    assert shown["response"]["content"] == "thought about it"
    assert [each["content"] for each in shown["followups"]] == ["and more"]
    assert shown["ephemeral"]


async def test_autocomplete_offers_choices(driver: Driver) -> None:
    """Typing asks the bot what fits."""
    done = await driver.autocomplete("pick", "fruit", "ap", wait_s=5)

    assert [each["value"] for each in done["choices"]] == ["apple", "apricot"]


async def test_a_context_menu_runs_on_a_user(driver: Driver) -> None:
    """Context menus take a target."""
    done = await driver.context_menu("Who is this", target="bob", wait_s=5)

    assert done["response"]["content"] == "this is bob"


async def test_a_button_edits_its_message(driver: Driver) -> None:
    """Components answer to clicks."""
    said = await driver.say("!panel", wait_s=5)
    await driver.click(said["reply"]["id"], label="Yes", wait_s=5)
    shown = await driver.message(said["reply"]["id"])

    assert (shown["content"], shown["components"]) == ("pressed yes", [])


@pytest.mark.parametrize(
    ("custom_id", "value", "answer"),
    [
        pytest.param("colour", "r", "chose r", id="string select"),
        pytest.param("who", "bob", "chose bob", id="user select"),
    ],
)
async def test_a_select_takes_values_and_names(
    driver: Driver, custom_id: str, value: str, answer: str
) -> None:
    """Strings are values, entities are names."""
    said = await driver.say("!panel", wait_s=5)
    done = await driver.select(said["reply"]["id"], [value], custom_id=custom_id, wait_s=5)

    assert done["response"]["content"] == answer


async def test_a_modal_is_filled_by_its_labels(driver: Driver) -> None:
    """discord.py gives fields random ids; people see labels."""
    said = await driver.say("!panel", wait_s=5)
    shown = await driver.click(said["reply"]["id"], custom_id="form", wait_s=5)
    done = await driver.submit_modal(shown["id"], {"Your name": "Ada"}, wait_s=5)

    assert shown["kind"] == "modal"
    assert (done["response"]["content"], done["ephemeral"]) == ("hello Ada", True)


async def test_an_interaction_answered_twice_is_40060(driver: Driver, bot: commands.Bot) -> None:
    """Discord takes one first answer."""
    codes: list[int] = []

    @bot.tree.command()
    async def twice(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("once")
        again = discord.InteractionResponse[Any](interaction)
        try:
            await again.send_message("twice")
        except discord.HTTPException as error:
            codes.append(error.code)
        await interaction.followup.send("done")

    await bot.tree.sync()
    await driver.slash("twice", wait_s=5)
    await driver.wait_for_rest(path="/webhooks/*", method="POST")

    assert codes == [40060]


@pytest.mark.parametrize(
    ("seconds", "deferred", "code"),
    [
        pytest.param(4, False, 10062, id="first answer after 3 s"),
        pytest.param(16 * 60, True, 10015, id="token after 15 min"),
    ],
)
async def test_an_interaction_answered_too_late_is_refused(
    driver: Driver, bot: commands.Bot, seconds: float, deferred: bool, code: int
) -> None:
    """The limits are 3 s for the first answer and 15 min for the token."""
    codes: list[int] = []
    tried = asyncio.Event()

    @bot.tree.command()
    async def late(interaction: discord.Interaction) -> None:
        if deferred:
            await interaction.response.defer()
        await driver.advance_clock(seconds)
        try:
            if deferred:
                await interaction.followup.send("late")
            else:
                await interaction.response.send_message("late")
        except discord.NotFound as error:
            codes.append(error.code)
        tried.set()

    await bot.tree.sync()
    await driver.slash("late")
    await with_timeout(tried.wait(), 5)

    assert codes == [code]


async def test_commands_that_were_not_synced_cannot_be_run(driver: Driver) -> None:
    """A user sees synced commands only."""
    with pytest.raises(Exception, match="No application command named 'nothing'"):
        await driver.slash("nothing")
