"""Help, status and small courtesies, as members of a community meet them."""

from __future__ import annotations

import pytest
from discord import Permissions
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from tests.community.stage import Stage, words_of


@pytest.mark.plugins("moderation", "server")
async def test_help_shows_each_what_they_may_use(stage: Stage) -> None:
    """Moderators see the moderation, members do not, and the owner sees all."""
    mod = await stage.say("!help", user="mod")
    alice = await stage.say("!help", user="alice")
    owner = await stage.slash("help", user="owner")

    assert "`kick`" in mod
    assert "`shutdown`" not in mod
    assert "`kick`" not in alice
    assert "`ping`" in alice
    assert "`kick`" in owner
    assert "`shutdown`" in owner


@pytest.mark.plugins("moderation")
async def test_help_explains_a_command_of_a_moderator(stage: Stage) -> None:
    """Both ways to write it, its options, and what is needed."""
    told = await stage.slash("help", {"query": "ban"}, user="mod")
    refused = await stage.say("!help ban", user="alice")

    assert "!ban <user>" in told
    assert "/ban user:" in told
    assert "You need\n**Ban Members**" in told
    assert "There is no such command, or you may not use it here." in refused


@pytest.mark.plugins("moderation")
async def test_help_tells_what_the_bot_lacks(stage: Stage) -> None:
    """The command stays in the list, with the reason why it would fail."""
    take_permissions(stage, "send_messages", "view_channel", "embed_links", "read_message_history")
    told = await stage.say("!help ban", user="mod")
    alice = await stage.say("!help ban", user="alice")

    assert "⚠️ I lack here\n**Ban Members**" in told
    assert "There is no such command" in alice


@pytest.mark.plugins("moderation")
async def test_status_says_which_feature_lacks_what(stage: Stage) -> None:
    """The second page is the preflight for this server."""
    whole = await turned(stage)
    take_permissions(stage, "send_messages", "view_channel", "embed_links", "read_message_history")
    lacking = await turned(stage)

    assert "🟢 I have all that my" in whole
    assert "Permissions I lack in this server" in lacking
    assert "**Ban Members**:" in lacking
    assert "`ban`" in lacking


@pytest.mark.plugins(privileged_intents=("message_content",))
async def test_status_tells_of_database_messages_and_clock(stage: Stage) -> None:
    """The last page; by then Discord's answers have been compared with our clock."""
    for number in range(3):
        await stage.say(f"!ping {number}", user="alice")
    last = await turned(stage, times=2)

    assert {"sqlite": "SQLite: ", "postgresql": "PostgreSQL: "}[
        stage.services.storage.dialect
    ] in last
    assert "`commands`" in last
    assert "🟢 within" in last


async def turned(stage: Stage, times: int = 1) -> str:
    """Answer the words of a later page of ``!status``."""
    shown = await stage.driver.say("!status", user="alice", wait_s=10)
    for _ in range(times):
        await stage.driver.click(shown["reply"]["id"], label="Next", user="alice", wait_s=10)
    (embed,) = (await stage.driver.message(shown["reply"]["id"]))["embeds"]
    words = [embed["title"], embed.get("description") or ""]
    words += [f"{field['name']}\n{field['value']}" for field in embed.get("fields", [])]
    return "\n".join(words)


def take_permissions(stage: Stage, *left: str) -> None:
    """Leave the bot's roles only these permissions."""
    backend, guild = stage.backend, stage.guild
    value = Permissions(**dict.fromkeys(left, True)).value
    for role in guild.roles.values():
        if role.name == "Bot" or role.managed:
            backend.edit_role(guild.id, role.id, {"permissions": value})


async def test_a_misspelt_command_is_guessed_once(stage: Stage) -> None:
    """Near misses only, and not over and over."""
    first = await stage.say("!statsu", user="alice")
    for text in ("!statsu", "!wonderful", "!!!", "! what", "statsu", "!shutdwn"):
        await stage.driver.say(text, user="alice")
    said = await stage.say("!ping done", user="alice")

    assert first == "Did you mean `!status`?"
    assert said == "pong done"
    assert sum("Did you mean" in each.content for each in stage.messages()) == 1


async def test_nobody_is_offered_what_is_not_theirs(stage: Stage) -> None:
    """A member is not told of the owner's commands; the owner is."""
    await stage.driver.say("!shutdwn", user="alice")
    assert await stage.say("!ping done", user="alice") == "pong done"
    assert await stage.say("!shutdwn", user="owner") == "Did you mean `!shutdown`?"


async def test_status_by_slash_command_tells_of_this_channel(stage: Stage) -> None:
    """An answer may hold embeds everywhere; what the bot posts by itself may not."""
    place = stage.world.channel("general")
    denied = Permissions(embed_links=True).value
    take_permissions(stage, "send_messages", "view_channel", "embed_links", "read_message_history")
    stage.backend.set_overwrite(
        place.id, Overwrite(target_id=stage.guild.id, type=OverwriteType.ROLE, deny=denied, allow=0)
    )
    shown = await stage.driver.slash("status", user="alice", wait_s=10)
    await stage.driver.click(shown["response"]["id"], label="Next", user="alice", wait_s=10)

    told = words_of(await stage.driver.message(shown["response"]["id"]))
    assert "Permissions I lack in this channel\n**Embed Links**" in told
