"""What members learn about their server and each other."""

from __future__ import annotations

import pytest

from tests.community.stage import Stage

pytestmark = pytest.mark.plugins("server")


async def test_a_server_is_described(stage: Stage) -> None:
    """With its owner and what it has."""
    text = await stage.say("!serverinfo", user="alice")

    assert str(stage.guild.id) in text
    assert f"<@{stage.guild.owner_id}>" in text
    assert "2 text" in text


async def test_anybody_is_described(stage: Stage) -> None:
    """A member by name, somebody else by id, oneself without either."""
    stranger = stage.backend.make_user("stranger")

    assert "ban members" in await stage.slash("userinfo", {"user": "mod"}, user="alice")
    assert "Not a member" in await stage.say(f"!userinfo {stranger.id}", user="alice")
    assert f"<@{stage.user_id('alice')}>" in await stage.say("!userinfo", user="alice")
    assert "can't find that user" in await stage.say("!userinfo 1234567890123456789")


async def test_a_picture_is_shown(stage: Stage) -> None:
    """Who has none of their own has Discord's."""
    shown = await stage.driver.slash("avatar", options={"user": "bob"}, user="alice", wait_s=5)

    assert "/embed/avatars/" in shown["response"]["embeds"][0]["image"]["url"]
