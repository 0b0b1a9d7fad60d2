"""Questions and pages as people use them."""

from __future__ import annotations

import asyncio
from typing import Any

import discord

from bot.commands.refusals import Refused
from bot.views.confirm import ask
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
    """Pages may be rendered when they are turned to."""
    rendered: list[int] = []

    def lazily(number: int) -> Any:
        async def render() -> Page:
            rendered.append(number)
            return Page(title=f"Page {number}")

        return render

    @stage.bot.command(name="book")
    async def book(ctx: Any) -> None:
        await send_pages(ctx, [lazily(number) for number in range(3)])

    assert "Page 0\n1/3" in await stage.say("!book", user="alice")
    message = str(stage.messages()[-1].id)
    refused = await stage.driver.click(message, label="Next", user="bob", wait_s=10)
    assert "somebody else's" in words_of(refused["response"])
    await stage.driver.click(message, label="Next", user="alice", wait_s=10)

    assert "Page 1\n2/3" in words_of(await stage.driver.message(message))
    assert rendered == [0, 1]
