"""The pipeline in the real bot: no stage keeps another from its work."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.pipeline.pipeline import CONTINUE, STOP, Verdict
from tests.community.stage import Stage
from tests.integration.serving import until


async def fail(_: Any) -> Verdict:
    raise LookupError("of a plugin")


async def wait_for_ever(_: Any) -> Verdict:
    await asyncio.Event().wait()
    return CONTINUE


async def test_a_failing_and_a_slow_stage_do_not_stop_commands(stage: Stage) -> None:
    """The user is answered, and the figures tell of both."""
    heard: list[str] = []

    async def listen(message: Any) -> Verdict:
        heard.append(message.content)
        return CONTINUE

    stage.bot.pipeline.add("automod", fail, name="broken")
    stage.bot.pipeline.add("automod", wait_for_ever, name="slow", budget_s=0.1)
    stage.bot.pipeline.add("listeners", listen, name="listener")

    assert await stage.say("!ping hello", user="alice") == "pong hello"

    await until(lambda: heard == ["!ping hello"])
    figures = {each.name: each for each in stage.bot.pipeline.snapshot().handlers}
    assert (figures["broken"].failures, figures["slow"].timeouts) == (1, 1)


async def test_direct_messages_pass_too(stage: Stage) -> None:
    """Commands work there, and automod has nothing to say."""
    assert await stage.say("!ping here", user="alice", channel="@dm") == "pong here"

    def figures() -> tuple[int, int]:
        found = {each.name: each for each in stage.bot.pipeline.snapshot().handlers}
        return found["ignore"].stopped, found["commands"].count

    await until(lambda: figures() == (1, 1))  # the bot's own answer is ignored


@pytest.mark.plugins(command_timeout_s=1.0)
async def test_a_slow_command_has_the_deadline_of_commands(stage: Stage) -> None:
    """It is not cut by a stage, and its user is told when it is stopped."""
    seen: list[str] = []

    async def listen(message: Any) -> Verdict:
        seen.append(message.content)
        return CONTINUE

    @stage.bot.command()
    async def hang(_: Any) -> None:
        await asyncio.Event().wait()

    stage.bot.pipeline.add("listeners", listen, name="listener")
    told = await stage.say("!hang", user="alice")
    await until(lambda: seen == ["!hang"])

    assert "took longer than 1 s" in told
    assert await stage.say("!ping after", user="alice") == "pong after"


async def test_what_is_stopped_is_no_command(stage: Stage) -> None:
    """A stage before the commands decides; the bot's own answers never come to it."""
    seen: list[str] = []

    async def stop(message: Any) -> Verdict:
        seen.append(message.content)
        return STOP if "ping" in message.content else CONTINUE

    await stage.say("!ping before", user="alice")
    stage.bot.pipeline.add("automod", stop, name="stopping")
    await stage.driver.say("!ping x", user="alice", channel="general", wait_s=0)
    said = await stage.say("!about", user="alice")

    assert "Novera" in said
    assert seen == ["!ping x", "!about"]
