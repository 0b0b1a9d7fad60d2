"""Tags, as members use them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.community.stage import Stage, words_of
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("tags")


async def test_a_tag_lives_its_life(stage: Stage) -> None:
    """Written, shown by everybody, counted, changed, deleted after a question."""
    assert "is there" in await stage.say("!tag create rules Be @everyone kind.", user="alice")
    assert await stage.say("!tag RULES", user="bob") == "Be @everyone kind."
    assert await stage.slash("tag show", {"name": "rules"}, user="bob") == "Be @everyone kind."
    assert await stage.say("!tag show rules", user="bob") == "Be @everyone kind."
    assert not any(message.mention_everyone for message in stage.messages())

    async def counted() -> bool:
        return "3 times" in await stage.say("!tag info rules", user="bob")

    while not await counted():  # nobody waits for the counting
        pass
    assert "is changed" in await stage.say("!tag edit rules Be nice.", user="alice")
    assert await stage.say("!tag rules") == "Be nice."

    await _delete(stage, "rules", user="alice")
    assert "no tag of that name" in await stage.say("!tag rules")


async def test_a_form_asks_for_several_lines(stage: Stage) -> None:
    """A slash command without a text opens it, for an edit with the old text."""
    asked = await stage.driver.slash("tag create", options={"name": "faq"}, user="alice", wait_s=5)
    sent = await stage.driver.submit_modal(asked["id"], {"Text": "One\nTwo"}, wait_s=5)
    assert "is there" in words_of(sent["response"])
    assert await stage.say("!tag faq") == "One\nTwo"

    asked = await stage.driver.slash("tag edit", options={"name": "faq"}, user="alice", wait_s=5)
    assert "One\\nTwo" in repr(asked["modal"])
    sent = await stage.driver.submit_modal(asked["id"], {"Text": "Three"}, wait_s=5)
    assert "is changed" in words_of(sent["response"])
    assert await stage.say("!tag faq") == "Three"


async def test_a_tag_belongs_to_its_owner(stage: Stage) -> None:
    """Others don't change it or take its name; a moderator may delete it."""
    await stage.say("!tag create rules Mine.", user="alice")

    assert "not yours" in await stage.say("!tag edit rules Ha!", user="bob")
    assert "not yours" in await stage.say("!tag delete rules", user="bob")
    assert "already" in await stage.say("!tag create Rules Ha!", user="bob")
    assert "still here" in await stage.say("!tag claim rules", user="bob")
    assert await stage.say("!tag rules") == "Mine."
    await _delete(stage, "rules", user="mod")
    assert "no tag of that name" in await stage.say("!tag rules")


async def test_a_tag_of_who_left_can_be_claimed(stage: Stage) -> None:
    """By anybody, who is its owner then."""
    await stage.say("!tag create rules Old.", user="alice")
    await stage.driver.remove_member("alice")
    left = stage.bot.guilds[0]
    await until(lambda: left.get_member(stage.user_id("alice")) is None)

    assert "is yours" in await stage.say("!tag claim rules", user="bob")
    assert "is changed" in await stage.say("!tag edit rules New.", user="bob")


async def test_tags_are_found(stage: Stage) -> None:
    """By a part of the name, on pages, in Discord's completion, and by owner."""
    for number in range(12):
        await stage.say(f"!tag create help{number:02} Text.", user="alice")
    await stage.say('!tag create "50% off" Text.', user="bob")

    found = await stage.say("!tag search HELP")
    assert "help00" in found
    assert "1/2" in found
    assert "50% off" in await stage.say("!tag search 0%")
    assert "No tag" in await stage.say("!tag search nothing")
    assert "help00" not in await stage.slash("tag list", {"owner": "bob"})
    shown = await stage.driver.autocomplete("tag show", "name", "help1", user="bob")
    assert [choice["name"] for choice in shown["choices"]] == ["help10", "help11"]


async def test_what_a_tag_can_not_be_is_explained(stage: Stage) -> None:
    """Names, texts, and commands without them."""
    assert "it is a command" in await stage.say("!tag create list Text.")
    assert "invisible" in await stage.say("!tag create a\u200bb Text.")
    assert "after the name" in await stage.say("!tag create rules")
    assert "no tag of that name" in await stage.say("!tag raw rules")
    await stage.say("!tag create rules **bold**")
    assert await stage.say("!tag raw rules") == "\\*\\*bold\\*\\*"


async def _delete(stage: Stage, name: str, *, user: str) -> None:
    shown: dict[str, Any] = await stage.driver.say(f"!tag delete {name}", user=user, wait_s=10)
    pressed = await stage.driver.click(shown["reply"]["id"], label="Delete", user=user)
    await until(lambda: any(each.content == "Deleted." for each in stage.messages()))
    assert pressed["user"] == user
