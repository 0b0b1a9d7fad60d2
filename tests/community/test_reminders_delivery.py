"""Where a reminder goes when its channel is closed to it, and what happens around the moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.plugins.reminders.model import NewReminder
from bot.storage.errors import StorageError
from bot.storage.models import ReminderRow, TimerRow
from tests.community.moderating import letters_to, press, press_in_vain
from tests.community.reminding import fall_due, reminding, row, written
from tests.community.stage import Stage, serving, simulated
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("reminders")
EPHEMERAL = 1 << 6
REMIND = "!remind 10m tea"
NO_LETTERS = {"path": "*/users/@me/channels", "status": 403, "code": 50007}
POSTS: dict[str, Any] = {"path": "*/messages", "method": "POST"}


def cog(stage: Stage) -> Any:
    """Answer the plugin as it was loaded: a copy of its modules that nobody else can import."""
    return stage.bot.get_cog("Reminders")


def in_letters(stage: Stage, count: int = 1, user: str = "alice") -> bool:
    """Whether so many reminders have come directly."""
    return sum("⏰ tea" in text for text in letters_to(stage, user)) == count


async def place(stage: Stage, name: str = "short-lived") -> int:
    """Make a channel, and let alice be reminded of tea there; answers its id."""
    made = await stage.driver.add_channel(name)
    await until(lambda: stage.bot.get_channel(int(made["id"])) is not None)
    await stage.say(REMIND, user="alice", channel=name)
    return int(made["id"])


async def gone(stage: Stage, channel: int) -> None:
    """The channel is deleted."""
    stage.backend.delete_channel(channel)


async def unwritable(stage: Stage, channel: int) -> None:
    """The bot may no longer write there."""
    await stage.driver.fault(
        "fail_rest", {"path": f"*/channels/{channel}/messages", "status": 403, "code": 50013}
    )


async def archived(stage: Stage, channel: int) -> None:
    """It is a thread that was closed for good."""
    await stage.driver.fault(
        "fail_rest", {"path": f"*/channels/{channel}/messages", "status": 400, "code": 50083}
    )


async def hidden(stage: Stage, channel: int) -> None:
    """Alice may no longer see it."""
    denied = discord.Permissions(view_channel=True).value
    target = stage.user_id("alice")
    stage.backend.set_overwrite(
        channel, Overwrite(target_id=target, type=OverwriteType.MEMBER, deny=denied)
    )
    seen: Any = stage.bot.get_channel(channel)
    await until(lambda: target in {each.id for each in seen.overwrites})


async def left(stage: Stage, channel: int) -> None:
    """Alice has left the server."""
    await stage.driver.remove_member("alice")
    guild = stage.bot.guilds[0]
    if guild.chunked:
        await until(lambda: guild.get_member(stage.user_id("alice")) is None)


async def expelled(stage: Stage, channel: int) -> None:
    """The bot was thrown out of the server."""
    await stage.driver.remove_guild(stage.guild.name)
    await until(lambda: not stage.bot.guilds)


@pytest.mark.parametrize("change", [gone, unwritable, archived, hidden, left, expelled])
async def test_a_channel_that_is_closed_means_a_direct_message(stage: Stage, change: Any) -> None:
    """The reminder finds its user; in the channel there is nothing of it."""
    channel = await place(stage)
    await change(stage, channel)
    await fall_due(stage)
    await until(lambda: in_letters(stage))
    await written(stage, lambda kept: kept.state == "sent")

    left_there = stage.backend.messages.get(channel, {}).values()
    assert not any(message.content.startswith("⏰ <@") for message in left_there)


@pytest.mark.plugins("reminders", privileged_intents=("message_content",))
async def test_without_the_members_intent_discord_is_asked_who_is_there(stage: Stage) -> None:
    """Who has left gets a direct message; who is there is reminded where he asked."""
    channel = await place(stage)
    await stage.say("!remind 10m coffee", user="bob", channel="short-lived")
    await left(stage, channel)
    await fall_due(stage)
    await until(lambda: in_letters(stage) and len(reminding(stage, "short-lived")) == 1)

    assert "coffee" in reminding(stage, "short-lived")[0].content


@pytest.mark.plugins("reminders", privileged_intents=("message_content",))
async def test_of_many_at_once_discord_is_asked_about_few(stage: Stage) -> None:
    """The calls of a second are for reminders."""
    for number in range(20):
        await stage.driver.add_channel(f"place-{number}")
        await stage.say(REMIND, user="alice", channel=f"place-{number}")
    await fall_due(stage)
    await until(lambda: all(reminding(stage, f"place-{number}") for number in range(20)))

    asked = await stage.driver.rest_log(method="GET", path="*/members/*")
    assert 1 <= len(asked) < 20


async def test_what_could_not_be_delivered_is_told_at_the_next_command(stage: Stage) -> None:
    """The channel is gone and direct messages are closed: the next command says so, once."""
    await gone(stage, await place(stage))
    await stage.driver.fault("fail_rest", NO_LETTERS)
    await fall_due(stage)
    await written(stage, lambda kept: kept.state == "failed")

    await asyncio.gather(*(stage.say("!ping", user="alice") for _ in range(2)))
    await written(stage, lambda kept: kept.told)
    await stage.say("!ping", user="alice")

    assert sum("could not deliver" in m.content for m in stage.messages()) == 1
    assert not any("tea" in m.content for m in stage.messages())


async def test_what_could_not_be_told_is_told_later(stage: Stage) -> None:
    """Also a series that has ended with it; a slash command tells in private."""
    channel = int((await stage.driver.add_channel("short-lived"))["id"])
    await stage.say("!remind daily tea", user="alice", channel="short-lived")
    await gone(stage, channel)
    await stage.driver.fault("fail_rest", NO_LETTERS)
    await fall_due(stage)
    await written(stage, lambda kept: kept.state == "failed")
    followups = {"path": "*/webhooks/*", "method": "POST", "status": 404, "code": 10015}
    await stage.driver.fault("fail_rest", followups)
    await stage.slash("ping", user="alice")
    await stage.driver.wait_for_rest(method="POST", path="*/webhooks/*")
    await stage.driver.clear_faults()
    assert not (await row(stage)).told
    await stage.slash("ping", user="alice")
    await written(stage, lambda kept: kept.told)
    told = next(m for m in stage.messages() if "could not deliver" in m.content)

    assert told.flags & EPHEMERAL
    assert "tea (every day; it has ended" in told.content


async def test_a_timer_that_was_given_up_is_told_as_well(stage: Stage) -> None:
    """Whatever went wrong for hours: a reminder does not just vanish."""
    await stage.say(REMIND, user="alice")

    async def give_up(session: AsyncSession) -> None:
        await session.execute(update(TimerRow).values(state="failed"))

    await stage.services.storage.write(give_up)
    await until(lambda: cog(stage)._telling._asked)
    cog(stage)._telling._asked = False  # as in a later process
    await stage.say("!ping", user="alice")
    await written(stage, lambda kept: kept.told)

    assert any("could not deliver" in m.content for m in stage.messages())


async def test_a_database_that_is_away_when_it_is_to_be_told_is_asked_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that was used is none the worse for it, and nothing is forgotten."""
    await gone(stage, await place(stage))
    await stage.driver.fault("fail_rest", NO_LETTERS)
    await fall_due(stage)
    await written(stage, lambda kept: kept.state == "failed")
    store = cog(stage)._store()
    asked, ask = asyncio.Event(), store.untold

    async def lost(user_id: int) -> Any:
        asked.set()
        raise StorageError("sqlite", "it is away")

    monkeypatch.setattr(store, "untold", lost)
    assert "pong" in await stage.say("!ping", user="alice")
    await asked.wait()
    monkeypatch.setattr(store, "untold", ask)
    await stage.say("!ping", user="alice")
    await written(stage, lambda kept: kept.told)


@pytest.mark.parametrize(
    ("fault", "given"),
    [
        pytest.param("fail_rest", {"status": 503}, id="Discord's fault"),
        pytest.param("drop_rest", {"when": "after"}, id="answer lost"),
        pytest.param("cloudflare_ban", {"retry_after_s": 0}, id="banned"),
    ],
)
async def test_discords_troubles_delay_a_reminder(
    stage: Stage, fault: str, given: dict[str, Any]
) -> None:
    """It is tried again, and there is one."""
    cog(stage)._delivery._retry_s = 0.05
    await stage.say(REMIND, user="alice")
    await stage.driver.fault(fault, {**POSTS, **given, "times": 4})
    await fall_due(stage)
    await written(stage, lambda kept: kept.state == "sent")

    assert len(reminding(stage)) == 1
    assert letters_to(stage, "alice") == []


async def test_a_database_that_is_away_after_the_sending_sends_nothing_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is away: Discord would know the first message for minutes only."""
    cog(stage)._delivery._retry_s = 0.05
    await stage.say("!remind every 1h tea", user="alice")
    store = cog(stage)._store()
    finish, away = store.finish, [True] * 3

    async def lost(*given: Any, **named: Any) -> None:
        if away:
            away.pop()
            raise StorageError("sqlite", "it is away")
        await finish(*given, **named)

    monkeypatch.setattr(store, "finish", lost)
    await fall_due(stage)
    await written(stage, lambda kept: kept.count == 1)
    posts = await stage.driver.rest_log(method="POST", path="*/messages")

    assert len(posts) == 2  # the promise and the reminder
    assert len(reminding(stage)) == 1
    assert away == []


async def test_a_bot_that_was_away_for_hours_reminds_once(stage: Stage) -> None:
    """An hourly reminder that was missed five times comes once, and says how late."""
    await stage.say("!remind every 1h tea", user="alice")
    await fall_due(stage, late_s=5 * 3600 + 60)
    kept = await written(stage, lambda kept: kept.count == 1)
    (message,) = reminding(stage)

    assert "5 hours 1 minute" in message.content
    assert "late" in message.content
    assert timedelta(minutes=58) < kept.due_at - datetime.now(UTC) < timedelta(minutes=60)


async def in_the_moment(stage: Stage) -> None:
    """Let what is due be on its way to Discord."""
    await stage.driver.fault("slow_rest", {**POSTS, "delay_s": 0.7})
    await fall_due(stage)
    await written(stage, lambda kept: kept.due_at <= datetime.now(UTC))

    async def claimed(session: AsyncSession) -> bool:
        asked = select(TimerRow.id).where(TimerRow.state == "claimed")
        return (await session.execute(asked)).first() is not None

    for _ in range(300):
        if await stage.services.storage.read(claimed):
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # until its handler has read the row


async def test_a_series_that_is_cancelled_in_the_moment_ends(stage: Stage) -> None:
    """What is under way arrives; nothing follows."""
    await stage.say("!remind every 1h tea", user="alice")
    await in_the_moment(stage)
    assert "cancelled" in await stage.slash("reminders cancel", {"number": 1}, user="alice")
    await until(lambda: len(reminding(stage)) == 1)
    await asyncio.sleep(0.2)
    kept = await row(stage)

    assert (kept.state, kept.count) == ("cancelled", 0)
    assert await timers(stage) == ["cancelled"]


async def test_a_reminder_that_is_put_off_in_the_moment_comes_again(stage: Stage) -> None:
    """At its new time, as a message of its own."""
    await stage.say(REMIND, user="alice")
    await in_the_moment(stage)
    await stage.slash("reminders edit", {"number": 1, "when": "2h", "text": "coffee"}, user="alice")
    await until(lambda: len(reminding(stage)) == 1)
    await asyncio.sleep(0.2)
    kept = await row(stage)
    assert kept.state == "pending"
    assert kept.due_at - datetime.now(UTC) > timedelta(minutes=110)
    await stage.driver.clear_faults()
    await fall_due(stage)
    await written(stage, lambda kept: kept.state == "sent")

    assert [message.content.split()[2] for message in reminding(stage)] == ["tea", "coffee"]


async def timers(stage: Stage) -> list[str]:
    """Answer the states of all timers."""

    async def work(session: AsyncSession) -> list[str]:
        return list((await session.execute(select(TimerRow.state))).scalars())

    return await stage.services.storage.read(work)


async def test_two_presses_at_once_are_one(stage: Stage) -> None:
    """Whatever they chose: the first that is kept counts, and both are answered."""
    await stage.say(REMIND, user="alice")
    await fall_due(stage)
    await until(lambda: len(reminding(stage)) == 1)
    message = str(reminding(stage)[0].id)
    await asyncio.gather(
        *(
            stage.driver.click(message, label=label, user="alice", wait_s=10)
            for label in ("10 min", "1 h", "Tomorrow")
        )
    )

    async def pending(session: AsyncSession) -> list[int]:
        asked = select(ReminderRow.id).where(ReminderRow.state == "pending")
        return list((await session.execute(asked)).scalars())

    assert await stage.services.storage.read(pending) == [2]
    assert not any("went wrong" in each.content for each in stage.messages())


async def test_what_asks_at_once_for_the_same_gets_the_same(stage: Stage) -> None:
    """Also where several transactions are at work."""
    await stage.say(REMIND, user="alice")
    store = cog(stage)._store()
    first = await store.get(1)
    names = ("user_id", "guild_id", "channel_id", "message_id", "text", "due_at", "repeat")
    given = {name: getattr(first, name) for name in (*names, "timezone")}
    new = NewReminder(origin=7, **given)
    kept = await asyncio.gather(*(store.create(new, first.due_at) for _ in range(8)))

    assert {each.id for each in kept} == {kept[0].id}


async def test_a_late_press_on_what_was_put_off_says_so(stage: Stage) -> None:
    """Its client had not heard that the buttons are gone."""
    await stage.say(REMIND, user="alice")
    await fall_due(stage)
    await until(lambda: len(reminding(stage)) == 1)
    message = reminding(stage)[0]
    buttons = message.components
    await press(stage, "10 min", user="alice")
    await fall_due(stage)
    await written(stage, lambda kept: kept.state == "sent", 2)
    message.components = buttons
    shown = await stage.driver.click(str(message.id), label="1 h", user="alice", wait_s=10)

    assert shown["ephemeral"]
    assert "put this off before" in shown["response"]["content"]


async def test_a_button_of_last_year_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Nothing of it was in memory."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["reminders"], database_url=database_url):
            await stage.say(REMIND, user="alice")
            await fall_due(stage)
            await until(lambda: len(reminding(stage)) == 1)
            await written(stage, lambda kept: kept.state == "sent")

            async def a_year_ago(session: AsyncSession) -> None:
                at = datetime.now(UTC) - timedelta(days=365)
                await session.execute(update(ReminderRow).values(due_at=at, created_at=at))

            await stage.services.storage.write(a_year_ago)
        async with serving(stage, monkeypatch, ["reminders"], database_url=database_url):
            assert "somebody else" in await press_in_vain(stage, "Tomorrow", user="bob")
            assert "until <t:" in await press(stage, "Tomorrow", user="alice")
            kept = await row(stage, 2)

            assert timedelta(hours=22) < kept.due_at - datetime.now(UTC) < timedelta(hours=26)


async def test_reminders_of_direct_messages_come_there(stage: Stage) -> None:
    """They can be put off there, too."""
    stage.backend.get_dm_channel(stage.user_id("alice"))
    shown = await stage.driver.say(REMIND, user="alice", channel="@dm", wait_s=10)
    assert "remind you" in shown["reply"]["content"]
    await fall_due(stage)
    await until(lambda: in_letters(stage))
    channel = stage.backend.dm_channels[stage.user_id("alice")]
    message = list(stage.backend.messages[channel].values())[-1]
    await stage.driver.click(str(message.id), label="10 min", user="alice", wait_s=10)
    await fall_due(stage)
    await until(lambda: in_letters(stage, 2))

    assert f"@me/{channel}/" in message.content
