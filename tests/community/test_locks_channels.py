"""Channels are locked, opened exactly as they were, on time, and after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.moderation.case import Case
from bot.moderation.endings import AWAY_AFTER_S
from bot.plugins.channels.overwrites import SPEAKING
from bot.storage.models.scheduled import TimerRow
from bot.timers.outcome import DONE, Retry
from bot.timers.timer import Timer
from simulator.errors import RefusedError
from tests.community.moderating import bot_may_only
from tests.community.stage import Stage, serving, simulated
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("moderation", "channels")
VIEW, LINKS = 1 << 10, 1 << 14
UNKNOWN = 1 << 60  # a permission that discord.py does not know
PLUGINS = ("moderation", "channels")


def overwrites(stage: Stage) -> dict[int, tuple[int, int]]:
    """Answer what the channel allows and denies, by target."""
    held = stage.world.channel("general").overwrites
    return {each.target_id: (each.allow, each.deny) for each in held}


def overwrite(stage: Stage, target: int, allow: int, deny: int) -> None:
    """Set what the channel allows and denies a role, as its owner would."""
    given = Overwrite(target_id=target, type=OverwriteType.ROLE, allow=allow, deny=deny)
    stage.backend.set_overwrite(stage.world.channel("general").id, given)


async def asked(stage: Stage, command: str, user: str = "mod") -> Mapping[str, Any]:
    """Give a command; answers what the bot replies."""
    shown = await stage.driver.say(command, user=user, wait_s=10)
    assert shown["reply"] is not None
    return cast("Mapping[str, Any]", shown["reply"])


async def confirmed(stage: Stage, command: str, label: str) -> str:
    """Give a command and agree; answers what the bot says then."""
    question = await asked(stage, command)
    pressed = await stage.driver.click(question["id"], label=label, user="mod", wait_s=10)
    record = stage.backend.interactions[int(pressed["id"])]
    await until(lambda: bool(record.followup_ids))
    return str(stage.backend.messages[record.channel_id][record.followup_ids[0]].content)


async def due_now(stage: Stage) -> None:
    """Let every timer fall due."""

    async def work(session: AsyncSession) -> None:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(update(TimerRow).values(due_at=past, next_try_at=past))

    await stage.services.storage.write(work)
    stage.services.timers.wake()


async def test_a_channel_is_locked_and_opened_exactly_as_it_was(stage: Stage) -> None:
    """Overwrites that were there are as they were, those that were not are gone."""
    fans = int((await stage.driver.add_role("Fans"))["id"])
    overwrite(stage, fans, SPEAKING | UNKNOWN, VIEW)
    before, everyone = overwrites(stage), stage.guild.id
    assert everyone not in before

    assert "is locked (case 1)" in await confirmed(stage, "!lock", "Lock")
    assert overwrites(stage)[everyone] == (0, SPEAKING)
    assert overwrites(stage)[fans] == (UNKNOWN, VIEW)
    assert "was locked" in (await asked(stage, "!lock"))["content"]

    assert "is open again (case 2)" in await confirmed(stage, "!unlock", "Unlock")
    assert overwrites(stage) == before


async def test_members_can_not_write_in_a_locked_channel(stage: Stage) -> None:
    """Discord itself refuses them; it takes them again once it is open."""
    await confirmed(stage, "!lock", "Lock")
    with pytest.raises(RefusedError):
        await stage.driver.say("let me in", user="alice")

    await stage.slash("unlock", user="owner")
    question = stage.messages()[-1]
    await stage.driver.click(str(question.id), label="Unlock", user="owner", wait_s=10)
    await until(lambda: stage.guild.id not in overwrites(stage))
    await stage.driver.say("thank you", user="alice")


async def test_what_others_changed_meanwhile_is_kept_and_told(stage: Stage) -> None:
    """An overwrite that the owner changed is not lost, and nobody has to find that out."""
    everyone = stage.guild.id
    await confirmed(stage, "!lock", "Lock")
    allow, deny = overwrites(stage)[everyone]
    overwrite(stage, everyone, allow, deny | LINKS)
    answer = await confirmed(stage, "!unlock", "Unlock")

    assert overwrites(stage)[everyone] == (0, LINKS)
    assert f"The permissions of <@&{everyone}> were changed" in answer


async def test_a_channel_that_was_not_locked_by_us_is_explained(stage: Stage) -> None:
    """It says whether it is open, or locked by somebody's hand."""
    assert "is not locked" in (await asked(stage, "!unlock"))["content"]

    overwrite(stage, stage.guild.id, 0, SPEAKING)
    await until(lambda: _denied(stage))
    assert "not locked by me" in (await asked(stage, "!unlock", "owner"))["content"]
    assert "nothing to lock" in (await asked(stage, "!lock", "owner"))["content"]


def _denied(stage: Stage) -> bool:
    channel: Any = stage.bot.get_channel(stage.world.channel("general").id)
    overwrite = channel.overwrites_for(channel.guild.default_role)
    return overwrite.send_messages is False


async def test_the_bot_says_what_it_lacks_to_lock(stage: Stage) -> None:
    """Discord lets it deny others only what it may do itself."""
    await bot_may_only(stage, "manage_roles")

    told = (await asked(stage, "!lock", user="owner"))["content"]

    assert "I need **Create Private Threads**" in told
    assert overwrites(stage) == {}


async def test_who_lost_the_permission_meanwhile_does_not_lock(stage: Stage) -> None:
    """It is asked for again when the button is pressed."""
    question = await asked(stage, "!lock")
    for role_id in list(stage.guild.members[stage.user_id("mod")].role_ids):
        stage.backend.remove_member_role(stage.guild.id, stage.user_id("mod"), role_id)

    await stage.driver.click(question["id"], label="Lock", user="mod", wait_s=10)

    await until(lambda: "You need **Manage Channels**" in stage.messages()[-1].content)
    assert overwrites(stage) == {}


async def test_members_may_not_lock(stage: Stage) -> None:
    """They are told what they lack."""
    assert "Manage Channels" in (await asked(stage, "!lock", user="alice"))["content"]
    assert overwrites(stage) == {}


async def test_a_lock_ends_on_time(stage: Stage) -> None:
    """By itself, with a case of its own."""
    answer = await confirmed(stage, "!lock 2h spam wave", "Lock")
    assert "It opens <t:" in answer

    await due_now(stage)
    await until(lambda: overwrites(stage) == {}, timeout_s=20)
    await until_case(stage, 2, "done")
    case = await stage.services.cases.get(stage.guild.id, 2)
    assert case is not None
    assert (case.action, case.moderator_id) == ("unlock", stage.backend.bot_user.id)
    assert await stage.services.cases.get(stage.guild.id, 3) is None


async def until_case(stage: Stage, number: int, status: str) -> None:
    """Wait until a case has a status."""
    for _ in range(200):
        case = await stage.services.cases.get(stage.guild.id, number)
        if case is not None and case.status == status:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"case {number} is {case and case.status}")


async def test_a_lock_ends_on_time_after_a_restart(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The next process knows when, and what to restore."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, PLUGINS, database_url=database_url):
            overwrite(stage, stage.guild.id, VIEW, 0)
            before = overwrites(stage)
            await confirmed(stage, "!lock 30m", "Lock")
            assert overwrites(stage) != before
            await due_now(stage)
            await stage.services.timers.close()
        overwrite(stage, stage.guild.id, VIEW, SPEAKING)  # whatever the old process did last
        async with serving(stage, monkeypatch, PLUGINS, database_url=database_url):
            await until(lambda: overwrites(stage) == before, timeout_s=20)


async def test_a_lock_that_discord_refuses_half_is_none(stage: Stage) -> None:
    """What was changed goes back, the case has failed, and the moderator is told."""
    fans = int((await stage.driver.add_role("Fans"))["id"])
    overwrite(stage, fans, SPEAKING, 0)
    before = overwrites(stage)
    question = await asked(stage, "!lock")
    refusal = {"method": "PUT", "status": 403, "code": 50013, "times": 1}
    await stage.driver.fault("fail_rest", {"path": f"*/permissions/{fans}", **refusal})
    await stage.driver.click(question["id"], label="Lock", user="mod", wait_s=10)
    await until_case(stage, 1, "failed")

    assert overwrites(stage) == before
    assert "is locked" in await confirmed(stage, "!lock", "Lock")


async def test_a_process_that_dies_in_a_lock_is_followed_by_one_that_completes_it(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Half a lock is neither left nor forgotten."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, PLUGINS, database_url=database_url):
            cog: Any = stage.bot.get_cog("Locks")
            guild = stage.bot.get_guild(stage.guild.id)
            assert guild is not None
            place = stage.world.channel("general").id
            case = await stage.services.cases.open(
                guild_id=guild.id, action="lock", target_id=place, moderator_id=1, reason=None
            )
            changes = await cog._locking.plan(place, guild)
            await cog._locking.store.add(case, changes)
        assert overwrites(stage) == {}
        async with serving(stage, monkeypatch, PLUGINS, database_url=database_url):
            await until_case(stage, 1, "done")

            assert overwrites(stage)[stage.guild.id] == (0, SPEAKING)


async def pending(stage: Stage, action: str, **given: Any) -> Case:
    """Open a case on the channel that nobody carries out."""
    place = stage.world.channel("general").id
    return await stage.services.cases.open(
        guild_id=stage.guild.id,
        action=action,
        target_id=place,
        moderator_id=1,
        reason=None,
        **given,
    )


async def settled(stage: Stage, number: int) -> tuple[str, str]:
    """Settle what is pending; answers how a case went, and why."""
    await stage.services.cases.settling.look(after=timedelta(seconds=-1))
    case = await stage.services.cases.get(stage.guild.id, number)
    assert case is not None
    return case.status, str(case.note or case.error)


async def test_a_lock_whose_end_nobody_saw_is_settled_by_its_row(stage: Stage) -> None:
    """Not begun, done and not noted, and the same of its end."""
    locking: Any = cast("Any", stage.bot.get_cog("Locks"))._locking
    guild = stage.bot.get_guild(stage.guild.id)
    assert guild is not None

    await pending(stage, "lock")
    assert await settled(stage, 1) == ("failed", "I was interrupted in this; it was not done.")
    lock = await pending(stage, "lock")
    await locking.lock(lock, guild)
    assert (await settled(stage, 2))[0] == "done"
    await pending(stage, "unlock")
    assert await settled(stage, 3) == (
        "failed",
        "I was interrupted in this; it was not done. The channel is locked.",
    )
    assert overwrites(stage)[guild.id] == (0, SPEAKING)
    unlock = await pending(stage, "unlock")
    await locking.unlock(unlock)
    assert (await settled(stage, 4))[0] == "done"
    assert overwrites(stage) == {}


async def test_a_lock_and_its_end_that_were_begun_are_completed(stage: Stage) -> None:
    """Each step can be repeated."""
    locking: Any = cast("Any", stage.bot.get_cog("Locks"))._locking
    guild, store = stage.bot.get_guild(stage.guild.id), locking.store
    assert guild is not None
    lock = await pending(stage, "lock")
    held = await store.add(lock, await locking.plan(lock.target_id, guild))

    assert (await settled(stage, 1))[0] == "done"
    assert overwrites(stage)[guild.id] == (0, SPEAKING)
    await pending(stage, "unlock")
    await store.move(held, "unlocking")
    assert (await settled(stage, 2))[0] == "done"
    assert overwrites(stage) == {}


async def test_a_lock_of_a_channel_that_is_gone_ends_on_time(stage: Stage) -> None:
    """There is nothing to restore, and nothing to try again."""
    place = stage.world.channel("quiet").id
    question = await asked(stage, f"!lock <#{place}> 2h")
    await stage.driver.click(question["id"], label="Lock", user="mod", wait_s=10)
    await until_case(stage, 1, "done")
    stage.backend.delete_channel(place)

    await due_now(stage)
    await until_case(stage, 2, "done")

    case = await stage.services.cases.get(stage.guild.id, 2)
    assert case is not None
    assert case.note == "The channel is gone."


async def test_a_lock_outlasts_an_outage_of_discord(stage: Stage) -> None:
    """It opens late, not never; the log channel would hear of a missing permission."""
    await confirmed(stage, "!lock 2h", "Lock")
    await stage.driver.fault("fail_rest", {"path": "*/permissions/*", "status": 503})
    cog: Any = stage.bot.get_cog("Locks")
    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    due = Timer(id=9, kind="x", due_at=datetime.now(UTC), attempts=99, ref=case.id, payload={})

    assert await cog._end_on_time(due) == Retry(AWAY_AFTER_S)
    await stage.driver.clear_faults()
    assert await cog._end_on_time(due) == DONE
    assert overwrites(stage) == {}


@pytest.mark.parametrize(("seconds", "status"), [(10, "done"), (20, "failed")])
async def test_a_slowmode_whose_end_nobody_saw_is_settled(
    stage: Stage, seconds: int, status: str
) -> None:
    """By what the channel has now."""
    await asked(stage, "!slowmode 10s")
    await pending(stage, "slowmode", extra={"seconds": seconds})

    assert (await settled(stage, 2))[0] == status


async def test_slowmode_is_set_and_recorded(stage: Stage) -> None:
    """In words of people, within Discord's limits, and without a question: it destroys nothing."""
    assert "up to 6 hours" in (await asked(stage, "!slowmode 7h"))["content"]
    place = stage.world.channel("general").id
    told = await asked(stage, f"!slowmode 1m30s <#{place}> too fast")
    assert "every 1 minute 30 seconds now (case 1)" in told["content"]
    assert stage.world.channel("general").rate_limit_per_user == 90
    assert "already" in (await asked(stage, "!slowmode 90s"))["content"]

    assert "has no slowmode now (case 2)" in await stage.slash("slowmode", {"pause": "off"})
    assert stage.world.channel("general").rate_limit_per_user == 0
    case = await stage.services.cases.get(stage.guild.id, 1)
    assert case is not None
    assert (case.status, case.reason) == ("done", "too fast")


async def test_slowmode_of_a_thread_needs_its_own_permission(stage: Stage) -> None:
    """Discord asks for Manage Threads there."""
    made = stage.backend.create_thread(
        stage.world.channel("general").id, "side", stage.user_id("alice")
    )
    role = next(each for each in stage.guild.roles.values() if each.name == "Moderator")
    without = int(role.permissions) & ~(1 << 34)  # MANAGE_THREADS
    stage.backend.edit_role(stage.guild.id, role.id, {"permissions": without})
    guild = stage.bot.get_guild(stage.guild.id)
    assert guild is not None
    await until(lambda: guild.get_thread(made.id) is not None)
    await until(lambda: not _may_manage_threads(guild, role.id))

    told = await asked(stage, f"!slowmode 10s <#{made.id}>")
    assert "You need **Manage Threads**" in told["content"]
    told = await asked(stage, f"!slowmode 10s <#{made.id}>", user="owner")
    assert "every 10 seconds now" in told["content"]


def _may_manage_threads(guild: Any, role_id: int) -> bool:
    return bool(guild.get_role(role_id).permissions.manage_threads)
