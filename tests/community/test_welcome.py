"""What new members see, and what is given to them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from simcord.backend import serializers

from bot.gateway.event import GatewayEvent, current_event
from tests.community.stage import Stage
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("server")


async def set_up(stage: Stage, **changes: Any) -> None:
    """Give the guild settings; welcomes go to `general`, reports to `log`."""
    log = await stage.driver.add_channel("log")
    await until(lambda: stage.bot.get_channel(int(log["id"])) is not None)
    await stage.services.guilds.change(
        stage.guild.id,
        welcome_channel_id=stage.world.channel("general").id,
        log_channel_id=int(log["id"]),
        **changes,
    )


def said(stage: Stage, channel: str = "general") -> list[str]:
    return [message.content for message in stage.messages(channel)]


async def test_who_comes_and_goes_is_told(stage: Stage) -> None:
    """Once each, by the guild's own texts."""
    await set_up(stage, welcome_text="Hello {mention}!", leave_text="**{user}** left {server}.")

    carol = await stage.driver.add_user("carol")
    await until(lambda: f"Hello <@{carol['id']}>!" in said(stage))
    await stage.driver.remove_member("carol")
    await until(lambda: any("**carol** left" in text for text in said(stage)))

    assert len(said(stage)) == 2


async def test_a_guild_that_set_nothing_is_left_alone(stage: Stage) -> None:
    """No text, no message; the next one that comes after a text is set is greeted."""
    await set_up(stage)
    await stage.driver.add_user("carol")
    await until(lambda: stage.bot.guilds[0].get_member(stage.user_id("carol")) is not None)
    await stage.services.guilds.change(stage.guild.id, welcome_text="Hi {user}")

    await stage.driver.add_user("dave")
    await until(lambda: said(stage) != [])

    assert said(stage) == ["Hi dave"]


async def test_the_messages_can_be_seen_before(stage: Stage) -> None:
    """By who may manage the server, to nobody else."""
    await set_up(stage, welcome_text="Hi {user}, {{you}}")

    shown = await stage.driver.slash("welcome test", user="owner", wait_s=5)

    assert shown["ephemeral"]
    assert shown["response"]["content"].endswith(", {you}")
    assert "Manage Server" in await stage.say("!welcome test", user="alice")


async def test_new_members_get_their_role(stage: Stage) -> None:
    """Those who must accept the rules first get it when they have."""
    role = int((await stage.driver.add_role("Member"))["id"])
    await set_up(stage, autorole_id=role)
    await until(lambda: stage.bot.guilds[0].get_role(role) is not None)

    pending = stage.backend.make_user("pending")
    stage.backend.add_member(stage.guild.id, pending.id)
    stage.backend.emit("GUILD_MEMBER_ADD", _shown(stage, pending.id, pending=True))
    await stage.driver.add_user("carol")
    await until(lambda: role in stage.guild.members[stage.user_id("carol")].role_ids)
    assert role not in stage.guild.members[pending.id].role_ids

    stage.backend.emit("GUILD_MEMBER_UPDATE", _shown(stage, pending.id, pending=False))
    await until(lambda: role in stage.guild.members[pending.id].role_ids)

    assert said(stage, "log") == []


def _shown(stage: Stage, user_id: int, *, pending: bool) -> dict[str, Any]:
    """Answer a member as the gateway shows them; SimCord knows of no rules to accept."""
    member = serializers.member_payload(stage.backend, stage.guild, stage.guild.members[user_id])
    return {**member, "guild_id": str(stage.guild.id), "pending": pending}


async def test_a_role_that_can_not_be_given_is_told_once(stage: Stage) -> None:
    """Not at every join; and again when it failed anew after it had worked."""
    role = int((await stage.driver.add_role("Member"))["id"])
    stage.backend.edit_role(stage.guild.id, role, {"position": 50})
    await set_up(stage, autorole_id=role)
    guild = stage.bot.guilds[0]
    await until(lambda: getattr(guild.get_role(role), "position", 0) == 50)

    await stage.driver.add_user("carol")
    await until(lambda: said(stage, "log") != [])
    await stage.driver.add_user("dave")
    await stage.services.guilds.change(stage.guild.id, welcome_text="Hi {user}")
    await stage.driver.add_user("erin")
    await until(lambda: "Hi erin" in said(stage))

    assert len(said(stage, "log")) == 1
    assert "not below my own highest role" in said(stage, "log")[0]


async def test_a_welcome_channel_that_is_gone_is_told_once(stage: Stage) -> None:
    """In the log channel, and to whoever looks; another one that is set is used at once."""
    await set_up(stage, welcome_text="Hi {user}")
    place = await stage.driver.add_channel("welcome")
    await until(lambda: stage.bot.get_channel(int(place["id"])) is not None)
    await stage.services.guilds.change(stage.guild.id, welcome_channel_id=int(place["id"]))
    stage.backend.delete_channel(int(place["id"]))
    await until(lambda: stage.bot.get_channel(int(place["id"])) is None)

    await stage.driver.add_user("carol")
    await until(lambda: said(stage, "log") != [])
    await stage.driver.remove_member("carol")
    await stage.driver.add_user("dave")
    shown = await stage.say("!welcome", user="owner")
    await stage.services.guilds.change(
        stage.guild.id, welcome_channel_id=stage.world.channel("general").id
    )
    await stage.driver.add_user("https://erin")
    await until(lambda: any("erin" in text for text in said(stage)))

    gone = "The welcome channel is gone; set another one with `/settings`."
    assert said(stage, "log") == [gone]
    assert gone in shown
    assert said(stage)[-1] == "Hi https:/\u200b/\u200berin"


async def test_a_join_that_is_handled_again_is_greeted_once(stage: Stage) -> None:
    """As when the process died just after it had greeted; a second join is another event."""
    await set_up(stage, welcome_text="Hi {user}")
    carol = stage.backend.make_user("carol")
    stage.backend.add_member(stage.guild.id, carol.id)

    for sequence, attempt in ((1_000_001, 1), (1_000_001, 2), (1_000_002, 1)):
        event = GatewayEvent(
            shard_id=0,
            sequence=sequence,
            name="GUILD_MEMBER_ADD",
            received_at_s=time.monotonic(),
            session_id="one session",
            attempt=attempt,
        )
        # discord.py ignores the join of a member whom it knows.
        guild = stage.bot.guilds[0]
        if known := guild.get_member(carol.id):
            guild._remove_member(known)
        before = asyncio.all_tasks()
        token = current_event.set(event)
        joined = _shown(stage, carol.id, pending=False)
        stage.bot._connection.parsers["GUILD_MEMBER_ADD"](joined)
        current_event.reset(token)
        await asyncio.wait(asyncio.all_tasks() - before)

    assert said(stage) == ["Hi carol", "Hi carol"]
