"""Cases that nobody finishes any more are settled by what Discord shows; nothing is repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest

from bot.guilds.model import WarnThreshold
from bot.moderation import actions
from bot.moderation.case import Case
from tests.community.moderating import (
    audit_reasons,
    bot_may_only,
    cases_of,
    is_banned,
    log_channel,
    logged,
    seen_by_the_bot,
)
from tests.community.stage import Stage
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("moderation", "channels")

UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
Deed = Callable[[discord.Guild, discord.Member, Case], Awaitable[object]]


async def nothing(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """The process died before it asked Discord."""


async def banned(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died when Discord had banned them."""
    await guild.ban(bob, reason=case.audit_reason)


async def banned_by_hand(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died before; a moderator did it then."""
    await guild.ban(bob, reason="by hand")


async def softbanned(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died when both halves were done."""
    await guild.ban(bob, reason=case.audit_reason)
    await guild.unban(bob, reason=case.audit_reason)


async def kicked(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died when they were gone."""
    await guild.kick(bob, reason=case.audit_reason)
    await until(lambda: guild.get_member(bob.id) is None)


async def gone(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died before, and they are gone all the same."""
    await guild.kick(bob, reason="by hand")
    await until(lambda: guild.get_member(bob.id) is None)


async def timed_out(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died when they were timed out."""
    await bob.timeout(case.expires_at or UNTIL, reason=case.audit_reason)
    await until(bob.is_timed_out)


async def timed_out_otherwise(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died before; somebody else timed them out for another time."""
    await bob.timeout(UNTIL + timedelta(hours=1), reason="by hand")
    await until(bob.is_timed_out)


async def renamed(guild: discord.Guild, bob: discord.Member, case: Case) -> None:
    """It died when they had the name."""
    await bob.edit(nick="Robert", reason=case.audit_reason)
    await until(lambda: bob.nick == "Robert")


@pytest.mark.parametrize(
    ("action", "deed", "status"),
    [
        pytest.param("ban", banned, "done", id="ban, done"),
        pytest.param("ban", nothing, "failed", id="ban, not done"),
        pytest.param("unban", nothing, "done", id="unban, done"),
        pytest.param("unban", banned, "failed", id="unban, not done"),
        pytest.param("softban", softbanned, "done", id="softban, done"),
        pytest.param("softban", nothing, "failed", id="softban, not done"),
        pytest.param("softban", banned_by_hand, "failed", id="softban, banned by hand"),
        pytest.param("kick", kicked, "done", id="kick, done"),
        pytest.param("kick", nothing, "failed", id="kick, not done"),
        pytest.param("kick", gone, "failed", id="kick, left by themselves"),
        pytest.param("timeout", timed_out, "done", id="timeout, done"),
        pytest.param("timeout", nothing, "failed", id="timeout, not done"),
        pytest.param("timeout", timed_out_otherwise, "failed", id="timeout, by hand"),
        pytest.param("untimeout", nothing, "done", id="untimeout, done"),
        pytest.param("untimeout", timed_out, "failed", id="untimeout, not done"),
        pytest.param("nick", renamed, "done", id="nick, done"),
        pytest.param("nick", nothing, "failed", id="nick, not done"),
        pytest.param("role_add", nothing, "failed", id="role, not given"),
        pytest.param("role_remove", nothing, "done", id="role, taken"),
    ],
)
async def test_what_discord_shows_settles_a_case(
    stage: Stage, action: str, deed: Deed, status: str
) -> None:
    """In the log channel as well; Discord is only asked."""
    channel, (guild, bob, _) = await log_channel(stage), seen_by_the_bot(stage)
    case = await pending(stage, action, extra={"nick": "Robert", "role_id": 5})
    await deed(guild, bob, case)
    before = audit_reasons(stage)

    await look(stage)

    (settled,) = await cases_of(stage)
    assert settled.status == status
    assert "I was interrupted in this" in str(settled.note or settled.error)
    (shown,) = logged(stage, channel)
    assert ("(failed)" in shown.embeds[0]["title"]) is (status == "failed")
    assert audit_reasons(stage) == before
    await look(stage)
    assert len(logged(stage, channel)) == 1


async def pending(stage: Stage, action: str, **given: Any) -> Case:
    """Open a case on bob that nobody carries out."""
    guild, bob, mod = seen_by_the_bot(stage)
    return await stage.services.cases.open(
        guild_id=guild.id,
        action=action,
        target_id=bob.id,
        moderator_id=mod.id,
        reason="spam",
        expires_at=UNTIL if action == "timeout" else None,
        **given,
    )


async def look(stage: Stage) -> None:
    """Settle what is pending, however new it is."""
    await stage.services.cases.settling.look(after=timedelta(seconds=-1))


async def test_a_softban_that_is_half_done_does_not_last(stage: Stage) -> None:
    """Its own ban is lifted: that is its second half."""
    guild, bob, _ = seen_by_the_bot(stage)
    case = await pending(stage, "softban")
    await banned(guild, bob, case)

    await look(stage)

    assert not is_banned(stage, "bob")
    assert (await cases_of(stage))[0].status == "done"


async def test_what_can_not_be_seen_is_said_to_be_unknown(stage: Stage) -> None:
    """Without Discord's audit log nobody knows why a member is gone."""
    guild, bob, _ = seen_by_the_bot(stage)
    case = await pending(stage, "kick")
    await kicked(guild, bob, case)
    await bot_may_only(stage, "kick_members")

    await look(stage)

    (settled,) = await cases_of(stage)
    assert settled.status == "failed"
    assert "can't tell whether it was done" in str(settled.error)
    assert "**View Audit Log**" in str(settled.error)


async def test_a_warning_whose_process_died_counts_and_is_followed(stage: Stage) -> None:
    """It is what its case says; only whether they were told is not known."""
    thresholds = (WarnThreshold(count=1, action="kick"),)
    await stage.services.guilds.change(stage.guild.id, warn_thresholds=thresholds)
    await pending(stage, "warn", origin=5)

    await look(stage)
    await look(stage)

    kick, warning = await cases_of(stage)
    assert (kick.action, kick.status) == ("kick", "done")
    assert (warning.status, warning.extra["count"]) == ("done", 1)
    assert "can't tell whether the user was told" in str(warning.note)


async def test_a_ban_whose_answer_is_lost_stays_pending_until_it_is_settled(stage: Stage) -> None:
    """Called failed, a ban for a time that was done all the same would never end."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)
    later = datetime.now(UTC) + timedelta(hours=1)
    await stage.driver.fault("drop_rest", {"path": "*/bans/*", "method": "PUT", "when": "after"})

    with pytest.raises(OSError, match="reset"):
        await actions.ban(services, guild, bob, mod, reason="a", expires_at=later)
    (case,) = await cases_of(stage)
    assert (case.status, is_banned(stage, "bob")) == ("pending", True)
    await stage.driver.clear_faults()
    await look(stage)

    (case,) = await cases_of(stage)
    assert case.status == "done"
    assert await services.cases.standing(case) == "due"


async def test_a_case_that_somebody_works_on_is_left_alone(stage: Stage) -> None:
    """It is pending for as long as Discord takes."""
    services, (guild, bob, mod) = stage.services, seen_by_the_bot(stage)

    async def act(case: Case) -> None:
        await look(stage)
        (same,) = await cases_of(stage)
        assert same.status == "pending"

    given: dict[str, Any] = {"target": bob, "moderator": mod, "reason": None, "act": act}
    case = await services.cases.carry_out(guild, action="kick", **given)

    assert case.status == "done"


async def test_a_kick_whose_answer_is_lost_is_known_by_the_second_try(stage: Stage) -> None:
    """The call is repeated by itself, and Discord knows the member no more."""
    await stage.driver.fault(
        "drop_rest", {"path": "*/members/*", "method": "DELETE", "when": "after", "times": 1}
    )
    guild, bob, mod = seen_by_the_bot(stage)

    case = await actions.kick(stage.services, guild, bob, mod, reason="a")

    assert case.status == "done"
