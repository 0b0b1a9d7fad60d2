"""Questions and pages as people use them."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest

from bot.commands.refusals import Refused
from bot.views import opener, pages
from bot.views.confirm import ask
from bot.views.forms import Form
from bot.views.page import Page
from bot.views.pages import send_pages
from tests.community.stage import Stage, words_of
from tests.integration.serving import until


async def asked(stage: Stage, run: Any, **values: Any) -> str:
    """Let alice run a command that asks her; answers the id of the question."""

    @stage.bot.command(name="dare")
    async def dare(ctx: Any) -> None:
        await ask(ctx, "Really?", run=run, **values)

    await stage.say("!dare", user="alice")
    return str(stage.messages()[-1].id)


def shown(stage: Stage, message: str) -> tuple[str, list[bool]]:
    """Answer the text of a message, and which of its buttons are disabled."""
    found = next(each for each in stage.messages() if str(each.id) == message)
    buttons = [each for row in found.components for each in row["components"]]
    return found.content, [each.get("disabled", False) for each in buttons]


async def test_who_agrees_has_it_done_once(stage: Stage) -> None:
    """Two presses at the same time are one, and the buttons are disabled."""
    done: list[int] = []
    may_end = asyncio.Event()

    async def run(interaction: discord.Interaction[Any]) -> None:
        done.append(interaction.user.id)
        await may_end.wait()
        await interaction.followup.send("did it")

    message = await asked(stage, run, yes="Do it")
    presses = [await stage.driver.click(message, label="Do it", user="alice") for _ in range(2)]
    await until(lambda: bool(done))
    may_end.set()
    await until(lambda: stage.messages()[-1].content == "did it")

    assert done == [stage.user_id("alice")]
    assert shown(stage, message) == ("Really?\n-# Confirmed: Do it.", [True, True])
    records = stage.backend.interactions
    await until(lambda: all(records[int(each["id"])].responded for each in presses))


async def test_only_the_author_answers(stage: Stage) -> None:
    """Others are told so; cancelling does nothing else."""
    done: list[int] = []

    async def run(interaction: discord.Interaction[Any]) -> None:
        done.append(1)

    message = await asked(stage, run)
    refused = await stage.driver.click(message, label="Yes", user="bob", wait_s=10)
    assert "Only the one who was asked" in words_of(refused["response"])
    await stage.driver.click(message, label="Cancel", user="alice", wait_s=10)

    assert shown(stage, message) == ("Really?\n-# Cancelled. Nothing was done.", [True, True])
    assert done == []


async def test_a_question_that_nobody_answers_is_closed(stage: Stage) -> None:
    """Its buttons are disabled and its text says why."""

    async def run(interaction: discord.Interaction[Any]) -> None:
        raise AssertionError

    message = await asked(stage, run, timeout_s=0.05)

    await until(lambda: "Not answered in time" in stage.messages()[-1].content)
    assert shown(stage, message)[1] == [True, True]


async def test_what_goes_wrong_after_yes_is_told(stage: Stage) -> None:
    """A refusal in its own words, an error with its id."""

    async def refuse(interaction: discord.Interaction[Any]) -> None:
        raise Refused("The moon is in the way.")

    message = await asked(stage, refuse)
    pressed = await stage.driver.click(message, label="Yes", user="alice", wait_s=10)

    await until(lambda: "moon" in stage.messages()[-1].content)
    assert stage.messages()[-1].is_ephemeral
    assert pressed["acknowledged"]


async def test_pages_turn_for_their_reader_alone(stage: Stage) -> None:
    """Others are told so."""
    message = await book(stage, 3)
    refused = await stage.driver.click(message, label="Next", user="bob", wait_s=10)
    assert "somebody else's" in words_of(refused["response"])
    await stage.driver.click(message, label="Next", user="alice", wait_s=10)

    assert "Page 1\n2/3" in words_of(await stage.driver.message(message))
    assert shown(stage, message)[1] == [False, False]
    await stage.driver.click(message, label="Next", user="alice", wait_s=10)
    assert shown(stage, message)[1] == [False, True]


async def test_a_single_page_has_no_buttons(stage: Stage) -> None:
    """There is nothing to turn to, and no number."""
    message = await book(stage, 1)

    assert words_of(await stage.driver.message(message)) == "Page 0"
    assert shown(stage, message)[1] == []


@pytest.mark.parametrize("kind", ["pages", "opener", "help"])
async def test_what_nobody_uses_any_more_is_disabled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its buttons and menus stay where they are, and its text as it was."""
    for module, name in ((pages, "PAGER_TIMEOUT_S"), (opener, "OPENER_TIMEOUT_S")):
        monkeypatch.setattr(module, name, 0.05)
    if kind == "pages":
        message = await book(stage, 3)
    elif kind == "help":
        message = str((await stage.driver.say("!help", user="owner", wait_s=10))["reply"]["id"])
    else:

        @stage.bot.command(name="form")
        async def form(ctx: Any) -> None:
            await opener.open_form(ctx, lambda: Form("A form"), label="Open it")

        message = str((await stage.driver.say("!form", wait_s=10))["reply"]["id"])

    await until(lambda: shown(stage, message)[1] != [] and all(shown(stage, message)[1]))
    assert words_of(await stage.driver.message(message)) != ""


async def book(stage: Stage, count: int) -> str:
    """Let alice run a command with so many pages; answers the id of its message."""

    @stage.bot.command(name="book")
    async def command(ctx: Any) -> None:
        await send_pages(ctx, [Page(title=f"Page {number}") for number in range(count)])

    assert "Page 0" in await stage.say("!book", user="alice")
    return str(stage.messages()[-1].id)
