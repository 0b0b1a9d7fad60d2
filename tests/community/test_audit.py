"""What the log channel is told."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest

from tests.community.stage import Stage
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("audit")


async def logging(stage: Stage, *, hold_s: float = 0.15) -> int:
    """Set a log channel, and have the audit log wait less; answers the channel's id."""
    cog(stage).outbox.hold_s = hold_s
    channel_id = int((await stage.driver.add_channel("log"))["id"])
    await until(lambda: stage.bot.get_channel(channel_id) is not None)
    await stage.services.guilds.change(stage.guild.id, log_channel_id=channel_id)
    return channel_id


def cog(stage: Stage) -> Any:
    """Answer the cog; its class is another in each life, since plugins are loaded anew."""
    return stage.bot.get_cog("Audit log")


def told(stage: Stage) -> list[str]:
    """Answer title and text of all that was told."""
    return [
        f"{embed['title']}\n{embed['description']}"
        for message in stage.messages("log")
        for embed in message.embeds
    ]


async def hears(stage: Stage, words: str) -> str:
    """Wait until something with *words* is told."""

    def found() -> str | None:
        return next((text for text in told(stage) if words in text), None)

    await until(lambda: found() is not None)
    return found() or ""


async def test_messages_that_change_and_go(stage: Stage) -> None:
    """With the old text, in which nothing is formatted."""
    await logging(stage)
    first = await stage.driver.say("Hello ```@everyone```", user="alice")
    await until(lambda: any(m.content.startswith("Hello") for m in stage.bot.cached_messages))
    await stage.driver.edit(first["id"], "Bye", user="alice")
    edited = await hears(stage, "Message edited")
    await stage.driver.delete(first["id"], user="alice")
    deleted = await hears(stage, "Message deleted")

    assert "Before: ```\nHello '''@everyone'''```\nAfter: ```\nBye```" in edited
    assert deleted.endswith("```\nBye```")
    assert f"<@{stage.user_id('alice')}>" in deleted


async def test_a_message_that_nobody_remembers(stage: Stage) -> None:
    """One from before this process: what is known of it is where it was."""
    general = stage.world.channel("general")
    message = stage.backend.create_message(general.id, stage.user_id("alice"), "old")
    await until(lambda: any(m.content == "old" for m in stage.bot.cached_messages))
    await logging(stage)
    stage.bot._connection._messages.clear()  # type: ignore[union-attr]
    await stage.driver.delete(str(message.id), user="mod")

    deleted = await hears(stage, "Message deleted")

    assert f"Somebody in <#{general.id}>" in deleted
    assert "not known any more" in deleted


async def test_members_come_change_and_go(stage: Stage) -> None:
    """A burst is one message with several embeds."""
    await logging(stage)
    role = int((await stage.driver.add_role("Helper"))["id"])
    await stage.driver.add_user("carol")
    carol = stage.user_id("carol")
    stage.backend.add_member_role(stage.guild.id, carol, role)
    stage.backend.edit_member(stage.guild.id, carol, {"nick": "Caz"})
    await stage.driver.remove_member("carol")
    await hears(stage, "Member left")

    texts = told(stage)
    assert any(text.startswith("Role created\n`Helper`") for text in texts)
    assert any(text.startswith("Member joined") for text in texts)
    assert any("+`Helper`" in text for text in texts)
    assert any("none → `Caz`" in text for text in texts)
    assert len(stage.messages("log")) < len(texts)


async def test_a_moderator_is_named(stage: Stage) -> None:
    """By Discord's audit log, which comes a moment later."""
    await logging(stage)
    mod, bob = stage.user_id("mod"), stage.user_id("bob")
    stage.backend.apply_ban(stage.guild.id, bob, "spam")
    stage.backend.record_audit_log(
        stage.guild.id, discord.AuditLogAction.ban.value, target_id=bob, reason="spam", user_id=mod
    )

    banned = await hears(stage, "Member banned")

    assert banned.endswith(f"By <@{mod}>: `spam`")
    assert not any("Member left" in text for text in told(stage))


async def test_the_bot_is_not_told_twice(stage: Stage) -> None:
    """Its own bans, roles, channels and deletions; a change of somebody else's is."""
    await logging(stage)
    guild = stage.bot.guilds[0]
    await guild.ban(discord.Object(stage.user_id("bob")))
    await guild.create_role(name="Own")
    await guild.create_text_channel("own")
    message = await stage.driver.say("rude", user="alice")
    await until(lambda: any(m.content == "rude" for m in stage.bot.cached_messages))
    stage.bot.dispatch("own_deletion", (int(message["id"]),))
    general: Any = guild.get_channel(stage.world.channel("general").id)
    await general.get_partial_message(int(message["id"])).delete()
    await stage.driver.add_role("Theirs")
    await hears(stage, "Theirs")

    # The log channel itself is told of if the guild's settings were read after it was made.
    others = [text for text in told(stage) if text != "Channel created\n`log`"]
    assert others == ["Role created\n`Theirs`"]


async def test_channels_and_roles_that_change(stage: Stage) -> None:
    """What changed is named, and what was moved is not."""
    await logging(stage)
    general = stage.world.channel("general").id
    stage.backend.edit_channel(general, {"topic": "News", "rate_limit_per_user": 5})
    role = int((await stage.driver.add_role("Helper"))["id"])
    stage.backend.edit_role(stage.guild.id, role, {"name": "Guide", "position": 2})
    stage.backend.delete_channel(int((await stage.driver.add_channel("gone"))["id"]))
    await hears(stage, "Channel deleted")

    texts = told(stage)
    assert any("**Topic**: none → `News`" in text for text in texts)
    assert any("`Helper` → `Guide`" in text for text in texts)
    assert sum(text.startswith("Role changed") for text in texts) == 1


async def test_the_log_channel_does_not_tell_of_itself(stage: Stage) -> None:
    """Or it would never end."""
    await logging(stage)
    inside = await stage.driver.say("inside", user="owner", channel="log")
    outside = await stage.driver.say("outside", user="alice")
    await until(lambda: {"inside", "outside"} <= {m.content for m in stage.bot.cached_messages})
    await stage.driver.delete(inside["id"], user="owner")
    await stage.driver.delete(outside["id"], user="alice")
    await hears(stage, "outside")

    assert not any("inside" in text for text in told(stage))


async def test_a_channel_can_be_left_out(stage: Stage) -> None:
    """By who may manage the server, and taken in again."""
    await logging(stage)
    assert "Manage Server" in await stage.say("!auditlog ignore #general", user="alice")
    assert "left out" in await stage.slash("auditlog ignore", {"channel": "general"}, user="owner")
    first = await stage.driver.say("first", user="alice")
    await until(lambda: any(m.content == "first" for m in stage.bot.cached_messages))
    await stage.driver.delete(first["id"], user="alice")
    await stage.driver.add_role("Between")
    await hears(stage, "Between")
    general = stage.world.channel("general").id
    assert f"left out: <#{general}>" in await stage.slash("auditlog show", user="owner")

    assert "told of" in await stage.slash("auditlog watch", {"channel": "general"}, user="owner")
    second = await stage.driver.say("second", user="alice")
    await until(lambda: any(m.content == "second" for m in stage.bot.cached_messages))
    await stage.driver.delete(second["id"], user="alice")
    await hears(stage, "second")

    assert not any("first" in text for text in told(stage))


async def test_a_raid_holds_nothing_up(stage: Stage) -> None:
    """What is too much is counted; commands are answered meanwhile."""
    await logging(stage, hold_s=0.4)
    for number in range(400):
        stage.backend.apply_ban(stage.guild.id, stage.backend.make_user(f"raid{number}").id, None)

    assert await stage.say("!ping still there", user="alice") == "pong still there"
    await until(lambda: any("too fast" in each.content for each in stage.messages("log")))
    await until(lambda: any(len(each.embeds) == 10 for each in stage.messages("log")))

    assert max(len(each.embeds) for each in stage.messages("log")) == 10


async def test_a_log_channel_that_can_not_be_used_harms_nothing(stage: Stage) -> None:
    """Once it can be, it is told again."""
    channel_id = await logging(stage)
    stage.backend.delete_channel(channel_id)
    await until(lambda: stage.bot.get_channel(channel_id) is None)
    await stage.driver.add_role("Unseen")
    await until(lambda: any(role.name == "Unseen" for role in stage.bot.guilds[0].roles))
    outbox = cog(stage).outbox
    await until(lambda: outbox._carriers == {})

    await logging(stage)
    await stage.driver.add_role("Seen")
    await hears(stage, "Seen")

    assert not any("Unseen" in text for text in told(stage))


async def test_what_is_on_its_way_is_told_when_the_plugin_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that Discord is slow to take is neither lost nor sent twice."""
    await logging(stage)
    under_way, go_on = asyncio.Event(), asyncio.Event()
    send = discord.TextChannel.send

    async def slow(channel: discord.TextChannel, *args: Any, **given: Any) -> discord.Message:
        if any("Slow" in str(embed.description) for embed in given["embeds"]):
            under_way.set()
            await go_on.wait()
        return await send(channel, *args, **given)

    monkeypatch.setattr(discord.TextChannel, "send", slow)
    await stage.driver.add_role("Slow")
    await under_way.wait()
    ending = asyncio.ensure_future(stage.bot.unload_extension("bot.plugins.audit"))
    await until(lambda: stage.bot.get_cog("Audit log") is None)
    go_on.set()
    await ending

    assert len([text for text in told(stage) if "`Slow`" in text]) == 1


async def test_what_waits_is_told_before_the_plugin_ends(stage: Stage) -> None:
    """A deploy within the two seconds loses nothing."""
    await logging(stage, hold_s=60)
    await stage.driver.add_role("Late")
    await until(lambda: any(role.name == "Late" for role in stage.bot.guilds[0].roles))

    await stage.bot.unload_extension("bot.plugins.audit")

    assert any("`Late`" in text for text in told(stage))
