"""Timeouts, nicknames, roles, warnings and cases, as moderators see them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.guilds.model import WarnThreshold
from bot.moderation import actions, endings, warnings
from bot.moderation.case import Case
from bot.timers.outcome import DONE, GiveUp, Outcome, Retry
from bot.timers.timer import Timer
from tests.community.moderating import (
    audit_reasons,
    cases_of,
    is_banned,
    is_member,
    letters_to,
    log_channel,
    logged,
    press,
    seen_by_the_bot,
)
from tests.community.stage import Stage, serving, simulated
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("moderation")


def member_of(stage: Stage, user: str) -> Any:
    """Answer a member as SimCord has them."""
    return stage.guild.members[stage.user_id(user)]


async def test_a_timeout_begins_and_is_ended(stage: Stage) -> None:
    """By slash and by text; the first case ends with the second."""
    begun = await stage.slash("timeout", {"member": "bob", "duration": "1h30m", "reason": "calm"})

    assert "was timed out until" in begun
    assert member_of(stage, "bob").timed_out_until is not None
    assert "You have been timed out on" in letters_to(stage, "bob")[0]

    assert "may write again" in await stage.say(f"!untimeout <@{stage.user_id('bob')}> sorry")
    assert member_of(stage, "bob").timed_out_until is None
    second, first = await cases_of(stage)
    assert second.action == "untimeout"
    assert first.ended_at is not None


async def test_a_timeout_has_a_limit(stage: Stage) -> None:
    """Discord's 28 days, told with what to do instead; and a number needs a unit."""
    bob = stage.user_id("bob")

    assert "not timed out" in await stage.say(f"!untimeout <@{bob}>")
    assert "28 days" in await stage.say(f"!timeout <@{bob}> 29d")
    assert "unit" in await stage.say(f"!timeout <@{bob}> 29")
    assert await cases_of(stage) == []


async def test_an_administrator_is_not_timed_out(stage: Stage) -> None:
    """Discord would refuse it; said before anything is done."""
    role = stage.backend.create_role(stage.guild.id, "Boss", permissions=8)
    stage.backend.add_member_role(stage.guild.id, stage.user_id("bob"), role.id)
    _guild, bob, _ = seen_by_the_bot(stage)
    await until(lambda: bob.guild_permissions.administrator)

    told = await stage.say(f"!timeout <@{bob.id}> 1h", user="owner")

    assert "nobody time out an administrator" in told


async def test_a_nickname_is_given_and_taken_back(stage: Stage) -> None:
    """The case tells what it was before."""
    bob = stage.user_id("bob")

    await stage.slash("nick", {"member": "bob", "nick": "Robert"})
    assert member_of(stage, "bob").nick == "Robert"
    await stage.say(f"!nick <@{bob}>")
    assert not member_of(stage, "bob").nick

    assert (await cases_of(stage))[1].extra["shown"] == "bob → Robert"
    assert "at most 32" in await stage.say(f"!nick <@{bob}> {'x' * 33}")


async def test_roles_below_the_moderators_are_given_and_taken(stage: Stage) -> None:
    """By slash and by text, to others and to themselves, never from above."""
    helper = stage.backend.create_role(stage.guild.id, "Helper")
    guild, *_ = seen_by_the_bot(stage)
    await until(lambda: guild.get_role(helper.id) is not None)
    own = next(role for role in guild.roles if role.name == "Moderator")
    bob = stage.user_id("bob")

    assert "was given the role" in await stage.slash(
        "role add", {"member": "bob", "role": "Helper"}
    )
    assert helper.id in member_of(stage, "bob").role_ids
    assert "no longer has" in await stage.say(f"!role remove <@{bob}> <@&{helper.id}>")
    assert helper.id not in member_of(stage, "bob").role_ids
    assert "was given" in await stage.say(f"!role add <@{stage.user_id('mod')}> <@&{helper.id}>")
    refused = await stage.say(f"!role add <@{bob}> <@&{own.id}>")

    assert "not below your highest role" in refused
    assert own.id not in member_of(stage, "bob").role_ids
    assert len(await cases_of(stage)) == 3
    assert all("by mod (" in reason for reason in audit_reasons(stage))


async def test_the_owner_gives_a_role_to_who_is_above_the_bot(stage: Stage) -> None:
    """Discord asks that the role be below the bot's, not its member."""
    guild, bob, _ = seen_by_the_bot(stage)
    top = max(stage.guild.roles.values(), key=lambda role: int(role.position))
    high = stage.backend.create_role(stage.guild.id, "High", position=top.position + 1)
    stage.backend.add_member_role(stage.guild.id, bob.id, high.id)
    helper = stage.backend.create_role(stage.guild.id, "Helper", position=1)
    await until(lambda: guild.get_role(helper.id) is not None and len(bob.roles) > 1)
    assert bob.top_role > guild.me.top_role

    told = await stage.say(f"!role add <@{bob.id}> <@&{helper.id}>", user="owner")

    assert "was given the role" in told
    assert "not below mine" in await stage.say(f"!nick <@{bob.id}> Robert", user="owner")


async def test_a_timeout_as_long_as_can_be_is_one_that_discord_takes(stage: Stage) -> None:
    """Its clock may be behind ours; and a threshold may ask for more."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)

    for lasts in (timedelta(days=28), timedelta(days=90)):
        until_at = datetime.now(UTC) + lasts
        case = await actions.timeout(services, guild, bob, mod, until=until_at, reason="a")

        left = (case.expires_at or until_at) - datetime.now(UTC)
        assert timedelta(days=27, hours=23) < left < timedelta(days=28) - timedelta(seconds=30)


async def test_warnings_add_up_to_what_the_server_has_set(stage: Stage) -> None:
    """The second brings a timeout, the third a ban, in the bot's own name."""
    thresholds = (
        WarnThreshold(count=2, action="timeout", duration_s=3600),
        WarnThreshold(count=3, action="ban"),
    )
    await stage.services.guilds.change(stage.guild.id, warn_thresholds=thresholds)
    bob = stage.user_id("bob")

    assert "count now: 1" in await stage.slash("warn", {"member": "bob", "reason": "rude"})
    assert "was timed out" in await stage.say(f"!warn <@{bob}> 30d rude again")
    assert member_of(stage, "bob").timed_out_until is not None
    assert "was banned" in await stage.say(f"!warn <@{bob}> enough")
    assert is_banned(stage, "bob")

    followed = [case for case in await cases_of(stage) if case.action != "warn"]
    assert {case.moderator_id for case in followed} == {stage.backend.bot_user.id}
    assert "3 warnings" in followed[0].reason
    shown = await stage.slash("warnings", {"user": "mod"})
    assert "There are none" in shown
    assert "3 count now" in await stage.say(f"!warnings {bob}")


async def test_two_moderators_who_warn_at_once_bring_a_threshold_about_once(stage: Stage) -> None:
    """Each of the warnings is another number, whichever letter goes out first."""
    thresholds = (WarnThreshold(count=2, action="timeout", duration_s=3600),)
    await stage.services.guilds.change(stage.guild.id, warn_thresholds=thresholds)
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    given: dict[str, Any] = {"target_id": bob.id, "reason": "rude", "origin": 1}
    # The first one's letter is still on its way.
    await services.cases.open(guild_id=guild.id, action="warn", moderator_id=mod.id, **given)

    second = await warnings.warn(services, guild, bob, mod, reason="rude", origin=2)
    first = await warnings.warn(services, guild, bob, mod, reason="rude", origin=1)
    third = await warnings.warn(services, guild, bob, mod, reason="rude", origin=3)
    again = await warnings.warn(services, guild, bob, mod, reason="rude", origin=1)

    assert [each.count for each in (second, first, third, again)] == [1, 2, 3, 2]
    assert first.followed is not None
    assert (second.followed, third.followed) == (None, None)
    assert again.followed is not None
    assert again.followed.id == first.followed.id
    assert [case.action for case in await cases_of(stage)].count("timeout") == 1


async def test_a_warning_that_has_expired_does_not_count(stage: Stage) -> None:
    """Not a moment longer, and without anybody having to take note."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    past = datetime.now(UTC) - timedelta(seconds=1)

    await warnings.warn(services, guild, bob, mod, reason="old", expires_at=past)
    made = await warnings.warn(services, guild, bob, mod, reason="new")

    assert made.count == 1
    shown = await stage.say(f"!warnings {bob.id}")
    assert "1 count now" in shown
    assert f"expired <t:{int(past.timestamp())}:R>" in shown


async def test_a_warning_that_is_handled_again_counts_once(stage: Stage) -> None:
    """So does what follows it, even when that has removed the member."""
    await stage.services.guilds.change(
        stage.guild.id, warn_thresholds=(WarnThreshold(count=1, action="kick"),)
    )
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)

    await warnings.warn(services, guild, bob, mod, reason="rude", origin=5)
    await until(lambda: guild.get_member(bob.id) is None)
    again = await warnings.warn(services, guild, bob, mod, reason="rude", origin=5)

    assert again.count == 1
    assert again.followed is not None
    assert [case.action for case in await cases_of(stage)] == ["kick", "warn"]
    assert len(letters_to(stage, "bob")) == 2


async def test_a_threshold_the_bot_cannot_act_on_leaves_the_warning(stage: Stage) -> None:
    """The moderator hears why nothing followed."""
    thresholds = (WarnThreshold(count=1, action="kick"),)
    await stage.services.guilds.change(stage.guild.id, warn_thresholds=thresholds)
    await stage.driver.fault(
        "fail_rest", {"path": "*/members/*", "method": "DELETE", "status": 403}
    )

    told = await stage.say(f"!warn <@{stage.user_id('bob')}> rude")

    assert "was warned" in told
    assert "so many warnings failed: Discord does not let me" in told
    assert is_member(stage, "bob")
    assert [case.status for case in await cases_of(stage)] == ["failed", "done"]


async def test_a_case_is_shown_and_its_reason_changed_in_the_log_too(stage: Stage) -> None:
    """Both ways of the command."""
    channel = await log_channel(stage)
    await stage.say(f"!warn <@{stage.user_id('bob')}> rude")

    assert "Case 1: warn" in await stage.say("!case 1")
    await stage.slash("case reason", {"number": 1, "reason": "very rude"})

    assert "very rude" in await stage.slash("case view", {"number": 1})
    assert logged(stage, channel)[0].embeds[0]["fields"][2]["value"] == "very rude"
    assert "no case 99" in await stage.say("!case 99")
    assert "need **" in await stage.say("!case 1", user="alice")


async def test_cases_are_listed_by_whom_and_about_whom(stage: Stage) -> None:
    """The newest first, on pages."""
    bob, alice, mod = (stage.user_id(name) for name in ("bob", "alice", "mod"))
    await stage.say(f"!warn <@{bob}> first")
    await stage.say(f"!warn <@{alice}> second", user="owner")

    both = await stage.say("!cases")
    about = await stage.slash("cases", {"user": "bob"})
    by = await stage.slash("cases", {"moderator": "owner"})

    assert both.index("second") < both.index("first")
    assert "first" in about
    assert "second" not in about
    assert "second" in by
    assert "first" not in by
    assert f"<@{mod}>" in both


async def test_nobody_is_rung_by_a_moderators_words(stage: Stage) -> None:
    """Neither by a reason nor by a nickname."""
    await stage.say(f"!warn <@{stage.user_id('bob')}> @everyone <@{stage.user_id('alice')}>")
    await stage.say("!case 1")

    own = [each for each in stage.messages() if each.author_id == stage.backend.bot_user.id]
    assert own
    assert not any(each.mention_everyone or each.ping_user_ids for each in own)


async def test_a_ban_for_a_time_ends(stage: Stage) -> None:
    """By itself, with a case of its own."""
    await stage.say(f"!ban <@{stage.user_id('bob')}> 2s cool down")
    assert "until" in await press(stage, "Ban")
    assert is_banned(stage, "bob")

    await until(lambda: not is_banned(stage, "bob"), timeout_s=15)

    await until(lambda: len(stage.guild.audit_log_entries) == 2)
    assert "Case 2 by" in audit_reasons(stage)[1]
    assert "case 1" in audit_reasons(stage)[1]


async def test_a_ban_for_a_time_ends_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The process that banned is gone when the time is over."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["moderation"], database_url=database_url):
            guild, bob, mod = seen_by_the_bot(stage)
            soon = datetime.now(UTC) + timedelta(seconds=2)
            await actions.ban(stage.services, guild, bob, mod, reason="a", expires_at=soon)
        assert is_banned(stage, "bob")

        async with serving(stage, monkeypatch, ["moderation"], database_url=database_url):
            await until(lambda: not is_banned(stage, "bob"), timeout_s=15)

        assert len(audit_reasons(stage)) == 2


DAY_S = endings.REFUSED_FOR_S


@pytest.mark.parametrize(
    ("status", "attempts", "late_s", "answer"),
    [
        pytest.param(503, 1000, 1e6, Retry(endings.AWAY_AFTER_S), id="outage"),
        pytest.param(403, 0, 0.0, Retry(endings.REFUSED_AFTER_S), id="refused"),
        pytest.param(403, 48, 600.0, Retry(endings.REFUSED_AFTER_S), id="after an outage"),
        pytest.param(403, 1, DAY_S, Retry(endings.REFUSED_AFTER_S), id="after a day without us"),
        pytest.param(403, 48, DAY_S, GiveUp("Discord does not let me do that."), id="for a day"),
    ],
)
async def test_a_ban_that_cannot_be_ended_now_is_tried_again(
    stage: Stage, status: int, attempts: int, late_s: float, answer: Outcome
) -> None:
    """Through an outage for ever, through a missing permission for a day; one case for all."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    channel = await log_channel(stage)
    later = datetime.now(UTC) + timedelta(hours=1)
    case = await actions.ban(services, guild, bob, mod, reason="a", expires_at=later)
    timer = due(case, attempts=attempts, late_s=late_s)
    end = endings.ban_ender(services)
    await stage.driver.fault("fail_rest", {"path": "*/bans/*", "status": status})

    assert await end(timer) == answer
    assert is_banned(stage, "bob")
    shown = [message.embeds[0]["title"] for message in logged(stage, channel)]
    assert shown == ["Case 1: ban"] + (["Case 2: unban (failed)"] if status == 403 else [])

    await stage.driver.clear_faults()
    assert await end(timer) == DONE
    assert not is_banned(stage, "bob")
    assert [each.status for each in await cases_of(stage)] == ["done", "done"]
    shown = [message.embeds[0]["title"] for message in logged(stage, channel)]
    assert shown == ["Case 1: ban", "Case 2: unban"]


def due(case: Case, **given: Any) -> Timer:
    """Answer the timer of a case, as its handler gets it."""
    at = case.expires_at or datetime.now(UTC)
    return Timer(id=9, kind="ban_end", due_at=at, ref=case.id, payload={}, **given)


async def test_a_ban_that_is_not_finished_is_not_ended_yet(stage: Stage) -> None:
    """Its letter may take longer than the ban is to last: ended now, it would never end."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    now = datetime.now(UTC)
    given: dict[str, Any] = {"reason": "a", "origin": 5, "expires_at": now}
    opened = await services.cases.open(
        guild_id=guild.id, action="ban", target_id=bob.id, moderator_id=mod.id, **given
    )
    end = endings.ban_ender(services)

    assert await end(due(opened)) == Retry(endings.UNSURE_AFTER_S)
    await actions.ban(services, guild, bob, mod, **given)
    assert await end(due(opened)) == DONE
    assert not is_banned(stage, "bob")


async def test_a_ban_is_ended_though_a_newer_one_failed(stage: Stage) -> None:
    """While nobody knows yet whether it fails, the older one waits."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    now = datetime.now(UTC)
    old = await actions.ban(services, guild, bob, mod, reason="a", expires_at=now)
    newer = await services.cases.open(
        guild_id=guild.id, action="ban", target_id=bob.id, moderator_id=mod.id, reason="b"
    )

    assert await services.cases.standing(old) == "unsure"
    await services.cases.fail(newer, "no")
    assert await services.cases.standing(old) == "due"


async def test_a_ban_for_good_outlives_the_one_for_a_time(stage: Stage) -> None:
    """The old timer must not lift the new ban."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    later = datetime.now(UTC) + timedelta(hours=1)
    old = await actions.ban(services, guild, bob, mod, reason="a", expires_at=later, origin=1)

    assert await services.cases.standing(old) == "due"
    await actions.ban(services, guild, bob, mod, reason="b", origin=2)

    held = await services.cases.by_id(old.id)
    assert held is not None
    assert await services.cases.standing(held) == "over"


async def test_a_ban_that_somebody_lifted_is_over(stage: Stage) -> None:
    """In Discord's own window, past the bot: its timer then has nothing to do."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    later = datetime.now(UTC) + timedelta(hours=1)
    case = await actions.ban(services, guild, bob, mod, reason="a", expires_at=later)
    stage.backend.remove_ban(stage.guild.id, bob.id)

    while await services.cases.standing(case) != "over":
        found = await services.cases.by_id(case.id)
        assert found is not None
        case = found

    assert case.ended_at is not None


async def test_many_cases_at_once_are_numbered_without_gaps(stage: Stage) -> None:
    """Each number is given once."""
    cases = stage.services.cases
    given: dict[str, Any] = {"guild_id": 1, "action": "warn", "moderator_id": 2, "reason": "x"}

    opened = await asyncio.gather(*(cases.open(target_id=at, **given) for at in range(20)))

    assert sorted(case.number for case in opened) == list(range(1, 21))
