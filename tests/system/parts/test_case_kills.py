"""Moderators' acts whose process is killed in the middle of them: real processes, and SIGKILL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.plugins.channels.overwrites import SPEAKING
from tests.community.moderating import audit_reasons, is_banned, is_member, letters_to
from tests.community.stage import Stage
from tests.integration.serving import until
from tests.system.parts.mortal_bots import MortalBots, Process, mortal_bots

CASES = "SELECT action, status, coalesce(note, error) FROM cases ORDER BY id"


@pytest.fixture
async def bots(tmp_path: Path) -> AsyncIterator[MortalBots]:
    """Bots that moderate; none is begun."""
    async with mortal_bots(tmp_path, "moderation", "channels", "settings") as made:
        yield made


async def begun(bots: MortalBots) -> tuple[Process, Stage, int]:
    """Begin a bot; answers it, the world, and the id of the guild's log channel."""
    process, stage = await bots.begin(), bots.stage
    channel = int((await stage.driver.add_channel("mod-log"))["id"])
    told = await stage.say(f"!settings set log_channel <#{channel}>", user="owner")
    assert "is set" in told
    return process, stage, channel


async def pressed(stage: Stage, command: str, label: str) -> None:
    """Give a command and agree; what comes of it is not waited for."""
    said = await stage.driver.say(command, user="mod", wait_s=20)
    await stage.driver.click(said["reply"]["id"], label=label, user="mod")


def shown(stage: Stage, channel: int) -> list[Any]:
    """Answer the titles in the log channel."""
    return [each.embeds[0]["title"] for each in stage.backend.messages[channel].values()]


async def settled(bots: MortalBots) -> list[tuple[Any, ...]]:
    """Wait until no case is pending; answers all of them."""
    await until(lambda: all(row[1] != "pending" for row in bots.rows(CASES)), timeout_s=30)
    return bots.rows(CASES)


async def test_a_ban_that_was_done_is_found_done(bots: MortalBots) -> None:
    """Killed before it could note that; it is in the log channel, and was done once."""
    first, stage, channel = await begun(bots)
    await stage.driver.fault("drop_rest", {"path": "*/bans/*", "method": "PUT", "when": "after"})
    await pressed(stage, f"!ban <@{stage.user_id('bob')}> 7d spam", "Ban")
    await until(lambda: is_banned(stage, "bob"), timeout_s=20)
    await bots.kill(first)
    await stage.driver.clear_faults()
    reasons = audit_reasons(stage)

    await bots.begin()
    cases = await settled(bots)

    assert cases == [("ban", "done", "I was interrupted in this, and found it done.")]
    await until(lambda: shown(stage, channel) == ["Case 1: ban"])
    assert audit_reasons(stage) == reasons
    assert len(letters_to(stage, "bob")) == 1
    assert bots.rows("SELECT state FROM timers WHERE kind = 'ban_end'") == [("pending",)]


async def test_a_kick_that_was_not_done_is_said_to_have_failed(bots: MortalBots) -> None:
    """Killed while Discord made it wait: it is not done then, when nobody expects it any more."""
    first, stage, channel = await begun(bots)
    await stage.driver.fault("route_429", {"path": "*/members/*", "retry_after_s": 60})
    await pressed(stage, f"!kick <@{stage.user_id('bob')}> enough", "Kick")
    await until(lambda: len(bots.rows(CASES)) == 1, timeout_s=20)
    await until(lambda: len(letters_to(stage, "bob")) == 1)
    await bots.kill(first)
    await stage.driver.clear_faults()

    await bots.begin()
    cases = await settled(bots)

    ((action, status, why),) = cases
    assert (action, status) == ("kick", "failed")
    assert why.startswith("I was interrupted in this; it was not done.")
    await until(lambda: shown(stage, channel) == ["Case 1: kick (failed)"])
    assert is_member(stage, "bob")


async def test_a_command_that_is_handled_again_goes_on_with_its_case(bots: MortalBots) -> None:
    """The next process gets the message once more: one case, one letter, one answer."""
    first, stage, channel = await begun(bots)
    await stage.driver.fault("slow_rest", {"path": "/users/@me/channels", "delay_s": 30})
    said = await stage.driver.say(f"!warn <@{stage.user_id('bob')}> rude", user="mod")
    await until(lambda: len(bots.rows(CASES)) == 1, timeout_s=20)
    await bots.kill(first)
    await stage.driver.clear_faults()

    await bots.begin()
    place = stage.world.channel("general")
    reply = await stage.driver.reply_after(place, int(said["id"]), 30)

    assert reply is not None
    assert "was warned" in reply["content"]
    assert await settled(bots) == [("warn", "done", "The user was told by direct message.")]
    assert len(letters_to(stage, "bob")) == 1
    await until(lambda: shown(stage, channel) == ["Case 1: warn"])


async def test_what_was_done_and_not_shown_is_shown(bots: MortalBots) -> None:
    """Killed between the note and the message in the log channel, with nobody to repeat it."""
    first, stage, channel = await begun(bots)
    await stage.driver.fault("route_429", {"path": f"*/{channel}/messages", "retry_after_s": 60})
    await pressed(stage, f"!kick <@{stage.user_id('bob')}> enough", "Kick")
    await until(lambda: bots.rows("SELECT status FROM cases") == [("done",)], timeout_s=20)
    await bots.kill(first)
    await stage.driver.clear_faults()
    assert shown(stage, channel) == []

    await bots.begin()

    await until(lambda: shown(stage, channel) == ["Case 1: kick"], timeout_s=30)


async def test_half_a_lock_is_completed(bots: MortalBots) -> None:
    """Killed between two changes of permissions; the next process makes the other one."""
    first, stage, channel = await begun(bots)
    place, fans = stage.world.channel("general"), int((await stage.driver.add_role("Fans"))["id"])
    given = Overwrite(target_id=fans, type=OverwriteType.ROLE, allow=SPEAKING, deny=0)
    stage.backend.set_overwrite(place.id, given)
    await stage.driver.fault("route_429", {"path": f"*/permissions/{fans}", "retry_after_s": 60})
    await pressed(stage, "!lock", "Lock")
    await until(lambda: stage.guild.id in denied(place), timeout_s=20)
    await bots.kill(first)
    await stage.driver.clear_faults()
    assert (fans, SPEAKING) in {(each.target_id, each.allow) for each in place.overwrites}

    await bots.begin()

    assert (await settled(bots))[0][:2] == ("lock", "done")
    assert (fans, 0) in {(each.target_id, each.allow) for each in place.overwrites}
    await until(lambda: shown(stage, channel) == ["Case 1: lock"])


def denied(place: Any) -> set[int]:
    """Answer whom a channel denies to speak."""
    return {each.target_id for each in place.overwrites if each.deny & SPEAKING == SPEAKING}
