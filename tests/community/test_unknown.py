"""Presses that nobody handles any more get a word, and those that somebody handles do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.views import unknown
from bot.views.confirm import ask
from tests.community.stage import Stage, serving, simulated, words_of
from tests.integration.serving import until

QUICK_S = 0.05


@pytest.fixture
async def quick(stage: Stage) -> AsyncIterator[Stage]:
    """The bot, with a watch that has less patience than its own."""
    watch = unknown.attach(stage.bot, wait_s=QUICK_S)
    yield stage
    stage.services.tasks.remove_observer(watch)


async def posted(stage: Stage, item: discord.ui.Item[Any], *, knows: bool) -> str:
    """Let the bot post a message with *item*; it forgets it at once if it does not know it."""
    view = discord.ui.View(timeout=None if knows else 60).add_item(item)
    place: Any = stage.bot.get_channel(stage.world.channel("general").id)
    sent = await place.send("A panel", view=view)
    if not knows:
        view.stop()
    return str(sent.id)


def button(custom_id: str) -> discord.ui.Button[discord.ui.View]:
    """Answer a button."""
    return discord.ui.Button(label="Press", custom_id=custom_id)


async def test_a_button_that_nobody_knows_is_explained(quick: Stage) -> None:
    """Privately, and not as a failure."""
    message = await posted(quick, button("of last year"), knows=False)

    shown = await quick.driver.click(message, label="Press", user="alice", wait_s=10)

    assert shown["ephemeral"]
    assert "no longer active" in words_of(shown["response"])


async def test_a_menu_that_nobody_knows_is_explained(quick: Stage) -> None:
    """Menus too."""
    menu: discord.ui.Select[discord.ui.View] = discord.ui.Select(
        custom_id="old menu", options=[discord.SelectOption(label="One", value="1")]
    )
    message = await posted(quick, menu, knows=False)

    shown = await quick.driver.select(message, ["1"], user="alice", wait_s=10)

    assert "no longer active" in words_of(shown["response"])


async def test_a_form_from_before_a_restart_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was typed is given back, and its user knows that it was in vain."""
    text = "Take what you like.\nAnd be kind."
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["panels"]):
            shown = await stage.driver.slash("panel create", user="mod", wait_s=10)
        role = (await stage.driver.add_role("Red"))["name"]
        async with serving(stage, monkeypatch, ["panels"]):
            values = {"title": "T", "text": text, "roles": [role], "style": ["select"]}
            values["mode"] = ["any"]
            sent = await stage.driver.submit_modal(shown["id"], values, wait_s=10)

            assert "run the command again" in words_of(sent["response"])
            (file,) = sent["response"]["attachments"]
            assert stage.backend.cdn.get(file["url"]) == text.encode()


async def test_a_question_from_before_a_restart_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is done, and the one who agreed knows it."""
    done: list[int] = []

    async def run(interaction: discord.Interaction[Any]) -> None:
        done.append(1)

    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch):
            await question(stage, run)
        message = str(stage.messages()[-1].id)
        async with serving(stage, monkeypatch):
            shown = await stage.driver.click(message, label="Yes", user="alice", wait_s=10)

            assert "no longer active" in words_of(shown["response"])
            assert done == []


async def question(stage: Stage, run: Any) -> None:
    """Let the bot ask alice something by a command of the test's."""

    @stage.bot.command(name="dare")
    async def dare(ctx: Any) -> None:
        await ask(ctx, "Dare?", run=run)

    await stage.say("!dare", user="alice")


async def test_a_button_with_a_handler_gets_its_answer_alone(quick: Stage) -> None:
    """However long the handler takes."""

    class Slow(discord.ui.Button[discord.ui.View]):
        async def callback(self, interaction: discord.Interaction[Any]) -> None:
            await until(lambda: watched.answered > 0 or not_before_s < quick.bot.loop.time())
            await interaction.response.send_message("mine")

    watched = unknown.attach(quick.bot, wait_s=0)
    not_before_s = quick.bot.loop.time() + 4 * QUICK_S
    message = await posted(quick, Slow(label="Press", custom_id="known"), knows=True)

    shown = await quick.driver.click(message, label="Press", user="alice", wait_s=10)

    assert words_of(shown["response"]) == "mine"
    assert watched.answered == 0
    quick.services.tasks.remove_observer(watched)


async def test_what_a_listener_answers_is_left_to_it(quick: Stage) -> None:
    """Other bots answer in `on_interaction`."""

    async def listen(interaction: discord.Interaction[Any]) -> None:
        data: Any = interaction.data
        if data["custom_id"] == "raw":
            await interaction.response.send_message("by hand")

    quick.bot.add_listener(listen, "on_interaction")
    message = await posted(quick, button("raw"), knows=False)

    shown = await quick.driver.click(message, label="Press", user="alice", wait_s=10)

    assert words_of(shown["response"]) == "by hand"
    assert shown["followups"] == []
