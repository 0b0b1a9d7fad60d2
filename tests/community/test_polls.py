"""Polls, as members start and end them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.community.stage import Stage
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("server")


async def _everybody_may_ask(stage: Stage) -> None:
    everyone = stage.guild.roles[stage.guild.id]
    allowed = everyone.permissions | (1 << 49)
    stage.backend.edit_role(stage.guild.id, stage.guild.id, {"permissions": allowed})
    await until(lambda: stage.bot.guilds[0].default_role.permissions.send_polls)


def poll_of(stage: Stage) -> Any:
    return next(each.poll for each in reversed(stage.messages()) if each.poll is not None)


async def test_a_poll_is_held_and_ended(stage: Stage) -> None:
    """By whom it was started, not by others, not twice."""
    await _everybody_may_ask(stage)
    options = {"question": "Which day?", "answers": "Mon | Tue", "hours": 48, "multiple": True}
    await stage.driver.slash("poll start", options=options, user="alice", wait_s=5)
    poll = poll_of(stage)
    assert [answer.text for answer in poll.answers] == ["Mon", "Tue"]
    assert poll.allow_multiselect

    assert "who may manage messages" in await stage.say("!poll end", user="bob")
    assert not poll.finalized
    assert "Ended" in await stage.slash("poll end", user="alice")
    assert poll.finalized
    assert "is a poll of mine" in await stage.say("!poll end", user="alice")


async def test_a_poll_of_a_text_command(stage: Stage) -> None:
    """Its author ends it as well, and a moderator any."""
    await _everybody_may_ask(stage)
    await stage.say('!poll "Tea?" "yes | no"', user="alice")
    assert "Ended" in await stage.say("!poll end", user="alice")
    await stage.say('!poll "Tea?" "yes | no"', user="alice")
    assert "Ended" in await stage.say("!poll end", user="mod")


async def test_limits_are_explained(stage: Stage) -> None:
    """Before Discord refuses."""
    await _everybody_may_ask(stage)

    assert "2 to 10 answers" in await stage.say('!poll "Tea?" yes', user="alice")
    assert "1 to 768 hours" in await stage.say('!poll "Tea?" "yes | no" 800', user="alice")
