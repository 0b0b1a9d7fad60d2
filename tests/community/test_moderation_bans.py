"""Bans, kicks and softbans, as moderators and those whom they concern see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest

from bot.commands.refusals import Refused
from bot.moderation import actions
from bot.moderation.people import find
from tests.community.moderating import (
    audit_reasons,
    bot_may_only,
    cases_of,
    is_banned,
    is_member,
    letters_to,
    log_channel,
    logged,
    press,
    press_in_vain,
    raise_above_moderators,
    seen_by_the_bot,
)
from tests.community.stage import Stage
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("moderation")


@pytest.mark.parametrize("way", ["slash", "text"])
async def test_a_ban_is_asked_told_done_and_recorded(stage: Stage, way: str) -> None:
    """The whole path: question, direct message, ban, audit log, case, log channel."""
    channel, bob, mod = await log_channel(stage), stage.user_id("bob"), stage.user_id("mod")
    if way == "slash":
        asked = await stage.slash("ban", {"user": "bob", "delete_days": 1, "reason": "spam"})
    else:
        asked = await stage.say(f"!ban <@{bob}> 1 spam")

    assert "Ban **bob**" in asked
    assert "spam" in asked
    assert "last day are deleted" in asked
    assert not is_banned(stage, "bob")

    told = await press(stage, "Ban")

    assert "Case 1" in told
    assert "was banned" in told
    assert is_banned(stage, "bob")
    assert "You have been banned from" in letters_to(stage, "bob")[0]
    assert audit_reasons(stage) == [f"Case 1 by mod ({mod}): spam"]
    (case,) = await cases_of(stage)
    assert (case.status, case.action, case.target_id, case.moderator_id) == (
        "done",
        "ban",
        bob,
        mod,
    )
    shown = logged(stage, channel)[0].embeds[0]
    assert shown["title"] == "Case 1: ban"
    assert (case.log_channel_id, case.log_message_id) == (channel, logged(stage, channel)[0].id)


async def test_a_cancelled_ban_leaves_nothing_behind(stage: Stage) -> None:
    """No ban, no case, no letter."""
    await stage.slash("ban", {"user": "bob"})
    await stage.driver.click(_question(stage), label="Cancel", user="mod", wait_s=10)

    assert not is_banned(stage, "bob")
    assert await cases_of(stage) == []
    assert letters_to(stage, "bob") == []


async def test_nobody_else_answers_a_moderators_question(stage: Stage) -> None:
    """Neither a member nor the owner: who pressed would not be who is on record."""
    await stage.say(f"!kick <@{stage.user_id('bob')}> enough")

    for user in ("alice", "owner"):
        told = await press_in_vain(stage, "Kick", user=user)
        assert "Only the one who was asked" in told

    assert is_member(stage, "bob")
    assert await cases_of(stage) == []


async def test_members_may_not_ban(stage: Stage) -> None:
    """The permission is asked for."""
    told = await stage.say(f"!ban <@{stage.user_id('bob')}>", user="alice")

    assert "You need **Ban Members**" in told
    assert await cases_of(stage) == []


async def test_a_moderator_may_not_act_on_who_is_above_them(stage: Stage) -> None:
    """Though the bot could, and Discord would let it; the owner stands above all roles."""
    await raise_above_moderators(stage, "bob")
    bob = stage.user_id("bob")

    for command in ("ban", "kick", "softban", "warn", "untimeout", "nick"):
        told = await stage.say(f"!{command} <@{bob}> mutiny")
        assert "their highest role is not below yours" in told, command

    assert await cases_of(stage) == []
    assert audit_reasons(stage) == []
    await stage.say(f"!ban <@{bob}> mutiny", user="owner")
    assert "was banned" in await press(stage, "Ban", user="owner")


async def test_owner_bot_and_oneself_are_refused_by_id_too(stage: Stage) -> None:
    """Each with its reason."""
    people = (("owner", "server's owner"), ("mod", "yourself"))
    ids = [(stage.user_id(name), why) for name, why in people]
    ids.append((int(stage.backend.bot_user.id), "to myself"))

    for user_id, why in ids:
        assert why in await stage.say(f"!ban {user_id}")

    assert await cases_of(stage) == []


async def test_who_rose_between_question_and_button_is_safe(stage: Stage) -> None:
    """The hierarchy is asked again when the button is pressed."""
    await stage.say(f"!ban <@{stage.user_id('bob')}> spam")
    await raise_above_moderators(stage, "bob")

    told = await press_in_vain(stage, "Ban")

    assert "their highest role is not below yours" in told
    assert not is_banned(stage, "bob")


async def test_who_lost_the_permission_meanwhile_does_not_ban(stage: Stage) -> None:
    """It is asked for again when the button is pressed."""
    await stage.say(f"!ban <@{stage.user_id('bob')}> spam")
    for role_id in list(stage.guild.members[stage.user_id("mod")].role_ids):
        stage.backend.remove_member_role(stage.guild.id, stage.user_id("mod"), role_id)

    told = await press_in_vain(stage, "Ban")

    assert "not do that any more" in told
    assert not is_banned(stage, "bob")


async def test_a_stranger_is_banned_by_id_and_unbanned(stage: Stage) -> None:
    """Nobody can be told, and that is no failure."""
    stranger = stage.backend.make_user("raider")

    asked = await stage.say(f"!ban {stranger.id} raid")
    await press(stage, "Ban")

    assert "no member of this server" in asked
    assert stranger.id in stage.guild.bans

    assert "was unbanned" in await stage.say(f"!unban {stranger.id} appeal")
    assert stranger.id not in stage.guild.bans
    unban, ban = await cases_of(stage)
    assert unban.action == "unban"
    assert ban.ended_at is not None


async def test_what_discord_refuses_is_explained_and_recorded_as_failed(stage: Stage) -> None:
    """The row stays, with why; the ban may be tried again."""
    await stage.driver.fault("fail_rest", {"path": "*/bans/*", "status": 400, "code": 30035})
    await stage.say(f"!ban <@{stage.user_id('bob')}> spam")

    told = await press_in_vain(stage, "Ban")

    assert "as many bans" in told
    (case,) = await cases_of(stage)
    assert case.status == "failed"
    assert "30035" in str(case.error)


async def test_lifting_a_ban_that_is_none_is_explained(stage: Stage) -> None:
    """Discord's 10026, in words."""
    told = await stage.say(f"!unban {stage.user_id('bob')}")

    assert "That user is not banned" in told
    assert [case.status for case in await cases_of(stage)] == ["failed"]


async def test_a_letter_that_cannot_be_delivered_stops_no_ban(stage: Stage) -> None:
    """It is noted in the case."""
    await stage.driver.fault(
        "fail_rest", {"path": "/users/@me/channels", "status": 403, "code": 50007}
    )
    await stage.say(f"!kick <@{stage.user_id('bob')}> enough")

    told = await press(stage, "Kick")

    assert "could not be told" in told
    assert not is_member(stage, "bob")
    assert "could not be told" in str((await cases_of(stage))[0].note)


async def test_who_can_not_be_banned_does_not_read_that_they_are(stage: Stage) -> None:
    """The bot looks for its own permission before it writes to them; Discord would be too late."""
    guild, bob, mod = seen_by_the_bot(stage)
    await bot_may_only(stage, "kick_members")

    for act in (actions.ban, actions.softban):
        with pytest.raises(Refused, match=r"I need \*\*Ban Members\*\*"):
            await act(stage.services, guild, bob, mod, reason="spam")

    assert letters_to(stage, "bob") == []
    assert await cases_of(stage) == []


async def test_who_left_while_the_moderator_thought_is_no_member(stage: Stage) -> None:
    """What the question was about is not what is there now."""
    await stage.slash("kick", {"member": "bob", "reason": "enough"})
    guild, bob, _ = seen_by_the_bot(stage)
    stage.backend.remove_member(stage.guild.id, bob.id)
    await until(lambda: guild.get_member(bob.id) is None)

    told = await press_in_vain(stage, "Kick")

    assert "no member of this server" in told
    assert await cases_of(stage) == []


@pytest.mark.parametrize("days", [0, 1])
async def test_a_softban_says_what_it_deletes(stage: Stage, days: int) -> None:
    """To the user, and in the case."""
    guild, bob, mod = seen_by_the_bot(stage)

    case = await actions.softban(stage.services, guild, bob, mod, reason="a", delete_days=days)

    (letter,) = letters_to(stage, "bob")
    assert ("were deleted" in letter) is (days > 0)
    assert case.extra.get("shown") == ("Messages deleted of days: 1." if days else None)


async def test_a_lost_log_channel_stops_no_ban(stage: Stage) -> None:
    """The case stands, and the moderator hears of it."""
    channel = await log_channel(stage)
    await stage.driver.fault(
        "fail_rest", {"path": f"/channels/{channel}/messages", "status": 403, "code": 50013}
    )
    await stage.say(f"!kick <@{stage.user_id('bob')}> enough")

    assert "was kicked" in await press(stage, "Kick")
    (case,) = await cases_of(stage)
    assert case.status == "done"
    assert case.log_message_id is None


async def test_a_softban_removes_and_lets_come_back(stage: Stage) -> None:
    """Banned and unbanned under one case."""
    await stage.slash("softban", {"member": "bob", "reason": "hacked"})

    assert "was removed" in await press(stage, "Softban")
    assert not is_member(stage, "bob")
    assert not is_banned(stage, "bob")
    assert len(audit_reasons(stage)) == 2
    assert [case.action for case in await cases_of(stage)] == ["softban"]


@pytest.mark.parametrize("action", ["ban", "kick", "softban"])
async def test_the_same_origin_acts_once(stage: Stage, action: str) -> None:
    """A command that is handled again after a death finds what was done."""
    guild, bob, mod = seen_by_the_bot(stage)
    act = getattr(actions, action)

    first = await act(stage.services, guild, bob, mod, reason="spam", origin=77)
    await until(lambda: guild.get_member(bob.id) is None)
    again = await act(stage.services, guild, bob, mod, reason="spam", origin=77)

    assert (again.id, again.status, again.again) == (first.id, "done", True)
    assert len(await cases_of(stage)) == 1
    assert len(letters_to(stage, "bob")) == 1


async def test_what_failed_may_be_tried_again_under_its_case(stage: Stage) -> None:
    """The same command, handled again: one case, done in the end, with a timer that holds."""
    guild, bob, mod = seen_by_the_bot(stage)
    later = datetime.now(UTC) + timedelta(hours=1)
    given: dict[str, Any] = {"reason": "spam", "origin": 79, "expires_at": later}
    await stage.driver.fault("fail_rest", {"path": "*/bans/*", "status": 403, "times": 1})

    with pytest.raises(discord.Forbidden):
        await actions.ban(stage.services, guild, bob, mod, **given)
    (failed,) = await cases_of(stage)
    case = await actions.ban(stage.services, guild, bob, mod, **given)

    assert (failed.status, case.status, case.number) == ("failed", "done", 1)
    assert case.error is None
    assert case.timer_id not in (None, failed.timer_id)


async def test_a_kick_that_died_before_it_was_noted_is_finished(stage: Stage) -> None:
    """The member is gone already: that is what was wanted, and no error."""
    guild, bob, mod = seen_by_the_bot(stage)
    await stage.services.cases.open(
        guild_id=guild.id,
        action="kick",
        target_id=bob.id,
        moderator_id=mod.id,
        reason="spam",
        origin=78,
    )
    await guild.kick(bob)
    await until(lambda: guild.get_member(bob.id) is None)

    case = await actions.kick(stage.services, guild, bob, mod, reason="spam", origin=78)

    assert (case.number, case.status) == (1, "done")


async def test_a_member_whom_the_cache_does_not_know_is_no_stranger(stage: Stage) -> None:
    """Discord is asked, or the hierarchy would not hold for them."""
    guild, bob, _ = seen_by_the_bot(stage)
    guild._remove_member(bob)

    found = await find(guild, bob)

    assert found.id == bob.id
    assert hasattr(found, "top_role")


def _question(stage: Stage) -> str:
    return str(next(each for each in stage.messages() if each.components).id)
