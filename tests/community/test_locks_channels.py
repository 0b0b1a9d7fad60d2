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

from bot.plugins.channels.overwrites import SPEAKING
from bot.storage.models.scheduled import TimerRow
from simulator.errors import RefusedError
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


async def test_slowmode_is_asked_set_and_recorded(stage: Stage) -> None:
    """In words of people, within Discord's limits."""
    assert "up to 6 hours" in (await asked(stage, "!slowmode 7h"))["content"]
    question = await asked(stage, "!slowmode 1m30s #general too fast")
    assert "every 1 minute 30 seconds" in question["content"]
    await stage.driver.click(question["id"], label="Change", user="mod", wait_s=10)
    await until_case(stage, 1, "done")

    assert stage.world.channel("general").rate_limit_per_user == 90
    answer = await asked(stage, "!slowmode off")
    assert "has no slowmode" in answer["content"]
