"""Automod as members and moderators meet it."""

from __future__ import annotations

from typing import Any

import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.moderation.case import Chosen
from bot.plugins.automod.config import Config, encode
from tests.community.moderating import cases_of
from tests.community.stage import Stage
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("automod")
TEXT = "look at https://discord.gg/abcdef"


async def set_up(stage: Stage, config: Config, **settings: Any) -> None:
    """Keep *config*, with a log channel."""
    stage.backend.create_channel(stage.guild.id, "log")
    log_channel = stage.world.channel("log")
    await stage.services.guilds.change(
        stage.guild.id, automod=encode(config), log_channel_id=log_channel.id, **settings
    )


async def post(stage: Stage, content: str, *, user: str = "alice") -> None:
    """Post a message, to which nothing need be answered."""
    await stage.driver.say(content, user=user, channel="general", wait_s=0)


def contents(stage: Stage, channel: str = "general") -> list[str]:
    """Answer what is to be read in a channel."""
    return [message.content for message in stage.messages(channel)]


def reports(stage: Stage) -> list[str]:
    """Answer titles and texts of the embeds in the log channel."""
    return [
        f"{embed.get('title')}\n{embed.get('description')}"
        for message in stage.messages("log")
        for embed in message.embeds
    ]


def only(rule: str, **values: Any) -> Config:
    """Answer a config with one rule switched on."""
    return Config().changed(rule, enabled=True, **values)


async def test_an_invite_of_a_member_is_deleted_and_logged(stage: Stage) -> None:
    """The log channel says who, where, what, and holds the text."""
    await set_up(stage, only("invites"))

    await post(stage, TEXT)
    await until(lambda: TEXT not in contents(stage) and bool(reports(stage)))

    (report,) = reports(stage)
    assert str(stage.user_id("alice")) in report
    assert "`the invite abcdef`" in report
    assert "message deleted" in report
    assert TEXT in report


async def test_who_moderates_is_exempt(stage: Stage) -> None:
    """Whoever may manage messages may post what others may not."""
    await set_up(stage, only("invites"))

    await post(stage, TEXT, user="mod")
    await post(stage, TEXT, user="alice")
    await until(lambda: bool(reports(stage)))

    assert contents(stage) == [TEXT]
    assert len(reports(stage)) == 1


async def test_an_own_invite_stays(stage: Stage) -> None:
    """Invites to this server are what members should post; another one beside it is not."""
    await set_up(stage, only("invites"))
    place = stage.world.channel("general")
    invite = stage.backend.create_invite(place.id, stage.user_id("owner"))
    own = f"join us: discord.gg/{invite.code}"

    await post(stage, own)
    await post(stage, f"{own} discord.gg/other")
    await until(lambda: bool(reports(stage)))

    assert contents(stage) == [own]
    assert "the invite other" in reports(stage)[0]


async def test_a_dry_run_deletes_nothing(stage: Stage) -> None:
    """It tells what it would do, and the command in the message runs."""
    config = Config(dry_run=True).changed("words", enabled=True, words=("spam",))
    await set_up(stage, config)

    assert await stage.say("!ping 5p\u0430m", user="alice") == "pong 5p\u0430m"

    await until(lambda: bool(reports(stage)))
    assert reports(stage)[0].startswith("Automod (dry run)\n")
    assert "I would delete the message." in reports(stage)[0]
    assert contents(stage)[0] == "!ping 5p\u0430m"


async def test_a_burst_ends_in_a_timeout_with_a_case(stage: Stage) -> None:
    """The messages go, the member waits, and the case says that the bot did it."""
    await set_up(stage, only("burst", count=4, seconds=60))
    alice = stage.user_id("alice")

    for number in range(4):
        await post(stage, f"number {number}")
    await until(lambda: len(reports(stage)) == 2)

    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    assert (case.action, case.status) == ("timeout", "done")
    assert (case.target_id, case.moderator_id) == (alice, stage.backend.bot_user.id)
    assert case.reason == "Automod: many messages at once"
    guild = stage.bot.get_guild(stage.guild.id)
    member = guild.get_member(alice) if guild is not None else None
    assert member is not None
    assert member.is_timed_out()
    assert contents(stage) == []


async def test_the_same_message_again_is_a_warning(stage: Stage) -> None:
    """Written in other letters it is the same; what others write does not count."""
    await set_up(stage, only("duplicates", count=3, seconds=60, actions=("warn",)))

    for text, user in (("buy it", "alice"), ("buy it", "bob"), ("BUY  it", "alice")):
        await post(stage, text, user=user)
    await post(stage, "b\u200buy it", user="alice")
    await until(lambda: any("member warned" in each for each in reports(stage)))

    warned = await cases_of(stage, Chosen(target_id=stage.user_id("alice"), action="warn"))
    assert [case.reason for case in warned] == ["Automod: the same message again and again"]
    assert len(contents(stage)) == 4


async def test_what_an_edit_brings_in_counts(stage: Stage) -> None:
    """A harmless message may become another one."""
    await set_up(stage, only("links"))
    await post(stage, "hello")
    message = stage.messages()[0]

    await stage.driver.edit(str(message.id), "https://evil.example/x")
    await until(lambda: contents(stage) == [])

    await until(lambda: bool(reports(stage)))
    assert "a link to evil.example" in reports(stage)[0]


async def test_a_new_account_that_joins_is_removed(stage: Stage) -> None:
    """A member of yesterday is no surprise; a user made just now is."""
    await set_up(stage, only("joins", actions=("kick",)))

    await stage.driver.add_user("newcomer")
    await until(lambda: len(reports(stage)) == 2)

    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    assert (case.action, case.status) == ("kick", "done")
    assert stage.user_id("newcomer") not in stage.guild.members


async def test_exempt_channels_and_roles_are_spared(stage: Stage) -> None:
    """By commands, slash and text; the list shows them."""
    await set_up(stage, only("invites"))
    role = stage.backend.create_role(stage.guild.id, "Partner", permissions=0)
    stage.backend.add_member_role(stage.guild.id, stage.user_id("bob"), role.id)

    await stage.slash("automod exempt role", {"role": "Partner"}, user="owner")
    said = await stage.say(
        f"!automod exempt channel <#{stage.world.channel('log').id}>", user="owner"
    )
    await post(stage, TEXT, user="bob")
    await stage.driver.say(TEXT, user="alice", channel="log", wait_s=0)
    await post(stage, TEXT, user="alice")
    await until(lambda: bool(reports(stage)))

    assert said.startswith("The rules no longer apply to")
    assert [text for text in contents(stage) if text == TEXT] == [TEXT]
    assert TEXT in contents(stage, "log")
    assert f"<@&{role.id}>" in await stage.say("!automod", user="owner")


async def test_nothing_is_lost_before_the_settings_are_known(stage: Stage) -> None:
    """The first message after a start is judged as soon as there is something to judge it by."""
    await set_up(stage, only("words", words=("spam",)))
    stage.services.guilds._known.clear()  # as after a start

    await post(stage, "s p a m")
    await until(lambda: bool(reports(stage)))

    assert contents(stage) == []


async def test_a_deleted_message_is_no_command(stage: Stage) -> None:
    """What is not wanted is not answered either."""
    await set_up(stage, only("invites"))
    await post(stage, f"!ping {TEXT}")
    await until(lambda: bool(reports(stage)))

    assert await stage.say("!ping after", user="alice") == "pong after"
    assert contents(stage) == ["!ping after", "pong after"]


async def test_members_may_not_set_it(stage: Stage) -> None:
    """Manage Server is needed, for subcommands too."""
    for text in ("!automod", "!automod dryrun on", "!automod word add x", "!automod rule list"):
        assert "Manage Server" in await stage.say(text, user="alice")


async def test_a_moderator_sets_it_by_text_and_slash(stage: Stage) -> None:
    """Words, rules, links: each answer says what is so now."""
    say = "owner"
    assert "no words yet" in await stage.say("!automod rule enable words", user=say)
    await stage.slash("automod word add", {"word": "b4dword"}, user=say)
    assert await stage.say("!automod rule enable words", user=say) == "The rule `words` is on."
    await stage.slash(
        "automod rule configure",
        {"rule": "words", "setting": "actions", "value": "delete, warn"},
        user=say,
    )
    await stage.slash("automod link deny", {"domain": "https://Evil.example/x"}, user=say)

    tested = await stage.slash("automod test", {"text": "B A D W O R D"}, user=say)
    listed = await stage.slash("automod status", user=say)
    refused = await stage.say("!automod rule configure burst count many", user=say)

    assert tested == "- words: `the word b4dword`\nI would delete the message, warn the member."
    assert "`words` **on**: delete+warn" in listed
    assert "evil.example" in listed
    assert "no log channel" in listed
    assert refused.startswith("`count` must be a whole number.")


async def test_discords_own_rules_are_created_once(stage: Stage) -> None:
    """After a question; asked again it changes what it created, and members are blocked by it."""
    await set_up(stage, only("words", words=("spam",), parts=("scam",)))
    for _ in range(2):
        shown = await stage.driver.slash("automod native", user="owner", wait_s=10)
        await stage.driver.click(shown["response"]["id"], label="Create", user="owner", wait_s=10)
        await until(lambda: bool(stage.guild.auto_mod_rules))

    (rule,) = stage.guild.auto_mod_rules.values()
    assert rule.name == "Novera: words"
    assert rule.trigger_metadata["keyword_filter"] == ["spam", "*scam*"]


@pytest.mark.plugins("automod", "audit")
async def test_what_automod_deletes_is_not_told_twice(stage: Stage) -> None:
    """The audit log leaves to automod what automod reports; what members delete it tells."""
    outbox: Any = stage.bot.get_cog("Audit log")
    outbox.outbox.hold_s = 0.1
    await set_up(stage, only("burst", count=3, seconds=60, actions=("delete",)))
    for number in range(3):
        await post(stage, f"number {number}")
    await until(lambda: contents(stage) == [] and "Automod\n" in "".join(reports(stage)))
    mine = await stage.driver.say("mine", user="alice")
    await until(lambda: any(each.content == "mine" for each in stage.bot.cached_messages))

    await stage.driver.delete(mine["id"], user="alice")
    await until(lambda: any("mine" in report for report in reports(stage)))

    titles = [report.partition("\n")[0] for report in reports(stage)]
    assert [title for title in titles if "Message" in title] == ["Message deleted"]


async def test_what_can_not_be_deleted_in_one_channel_goes_in_others(stage: Stage) -> None:
    """A burst over two channels, of which the bot may delete in one."""
    backend = stage.backend
    await set_up(stage, only("burst", count=4, seconds=60, actions=("delete",)))
    await stage.driver.add_channel("closed")
    own = next(role for role in stage.guild.roles.values() if role.name == "Bot")
    log, general = stage.world.channel("log").id, stage.world.channel("general").id
    for place in (log, general):
        held = 1 << 13 if place == general else 0
        allowed = Overwrite(target_id=own.id, type=OverwriteType.ROLE, allow=held)
        backend.edit_channel(place, {}, overwrites=[allowed])
    for role_id in stage.guild.members[backend.bot_user.id].role_ids:
        backend.edit_role(stage.guild.id, role_id, {"permissions": 0})
    for number in range(4):
        channel = "closed" if number % 2 else "general"
        await stage.driver.say(f"number {number}", user="alice", channel=channel, wait_s=0)

    await until(lambda: bool(reports(stage)))

    assert contents(stage) == []
    assert len(contents(stage, "closed")) == 2
    assert "2 of 4 messages" in reports(stage)[0]
