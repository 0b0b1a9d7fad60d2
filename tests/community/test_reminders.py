"""Reminders as users see them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.models import ReminderRow, TimerRow
from tests.community.moderating import letters_to, press, press_in_vain
from tests.community.stage import Stage
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("reminders")


async def fall_due(stage: Stage, late_s: float = 0.0) -> None:
    """Let every pending timer be due, as if the time had passed."""
    at = datetime.now(UTC) - timedelta(seconds=late_s)

    async def work(session: AsyncSession) -> None:
        rows = (
            (
                await session.execute(
                    update(TimerRow)
                    .where(TimerRow.state == "pending")
                    .values(due_at=at, next_try_at=at)
                    .returning(TimerRow.ref)
                )
            )
            .scalars()
            .all()
        )
        await session.execute(update(ReminderRow).where(ReminderRow.id.in_(rows)).values(due_at=at))

    await stage.services.storage.write(work)
    stage.services.timers.wake()


async def row(stage: Stage, reminder_id: int = 1) -> Any:
    """Answer a reminder as the database has it."""

    async def work(session: AsyncSession) -> Any:
        return await session.get(ReminderRow, reminder_id)

    return await stage.services.storage.read(work)


def reminding(stage: Stage, channel: str = "general") -> list[Any]:
    """Answer the bot's messages that remind."""
    return [m for m in stage.messages(channel) if m.content.startswith("⏰ <@")]


@pytest.mark.parametrize("way", ["slash", "text"])
async def test_a_reminder_is_promised_and_comes(stage: Stage, way: str) -> None:
    """The time is echoed; the author alone is pinged."""
    if way == "slash":
        told = await stage.slash("remind", {"when": "10m", "text": "tea @everyone"}, user="alice")
    else:
        told = await stage.say("!remind 10m tea @everyone", user="alice")

    assert ":F>" in told
    assert ":R>" in told

    await fall_due(stage)
    await until(lambda: len(reminding(stage)) == 1)
    message = reminding(stage)[0]

    assert "tea @everyone" in message.content
    assert message.content.startswith(f"⏰ <@{stage.user_id('alice')}>")


async def test_repeating_reminders_come_again(stage: Stage) -> None:
    """The next one is scheduled with the one that came, and each occurrence is a message."""
    told = await stage.say("!remind every 1h drink water", user="alice")

    assert "every hour" in told
    for count in (1, 2):
        await fall_due(stage)
        await until(lambda: len(reminding(stage)) == count)  # noqa: B023 - awaited in the loop
        await counted(stage, count)
    kept = await row(stage)

    assert kept.state == "pending"
    assert timedelta(minutes=59) < kept.due_at - datetime.now(UTC) <= timedelta(hours=1)


async def counted(stage: Stage, count: int) -> None:
    """Wait until the reminder has been written as sent so often."""
    for _ in range(200):
        if (await row(stage)).count == count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not written")


async def test_a_late_reminder_says_how_late(stage: Stage) -> None:
    """The bot was away for two hours."""
    await stage.say("!remind 10m tea", user="alice")
    await fall_due(stage, late_s=7200)
    await until(lambda: len(reminding(stage)) == 1)

    assert "2 hours late" in reminding(stage)[0].content


async def test_a_list_and_a_cancelled_reminder(stage: Stage) -> None:
    """One sees and cancels one's own, and nobody else's."""
    await stage.say("!remind 10m tea", user="alice")
    await stage.say("!remind tomorrow 9am coffee", user="alice")

    listed = await stage.slash("reminders list", user="alice")
    assert "tea" in listed
    assert "coffee" in listed
    assert "no open reminder 1" in await stage.slash("reminders cancel", {"number": 1}, user="bob")
    assert "cancelled" in await stage.slash("reminders cancel", {"number": 1}, user="alice")
    assert "tea" not in await stage.slash("reminders list", user="alice")

    await fall_due(stage)
    await until(lambda: len(reminding(stage)) == 1)

    assert "coffee" in reminding(stage)[0].content


async def test_an_edited_reminder(stage: Stage) -> None:
    """Time and text change, each by itself or both."""
    await stage.say("!remind 10m tea", user="alice")
    await stage.say("!reminders edit 1 2h green tea", user="alice")
    first = await row(stage)
    await stage.slash("reminders edit", {"number": 1, "text": "black tea"}, user="alice")
    second = await row(stage)

    assert first.text == "green tea"
    assert first.due_at - datetime.now(UTC) > timedelta(minutes=110)
    assert (second.text, second.due_at) == ("black tea", first.due_at)


async def test_a_snooze_button_works_for_its_user_once(stage: Stage) -> None:
    """Another user is refused; the reminder comes again."""
    await stage.say("!remind 10m tea", user="alice")
    await fall_due(stage)
    await until(lambda: len(reminding(stage)) == 1)

    told = await press_in_vain(stage, "10 min", user="bob")
    assert "somebody else" in told
    shown = await press(stage, "10 min", user="alice")
    assert "until <t:" in shown
    kept = await row(stage, 2)
    assert (kept.text, kept.state) == ("tea", "pending")
    await fall_due(stage)
    await until(lambda: len(reminding(stage)) == 2)


async def test_a_channel_that_is_gone_means_a_direct_message(stage: Stage) -> None:
    """The reminder finds its user."""
    made = await stage.driver.add_channel("short-lived")
    await stage.say("!remind 10m tea", user="alice", channel="short-lived")
    stage.backend.delete_channel(int(made["id"]))
    await fall_due(stage)
    await until(lambda: any("tea" in text for text in letters_to(stage, "alice")))


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param("!remind 5 tea", "don't understand that time", id="bare number"),
        pytest.param("!remind yesterday tea", "in the past", id="past"),
        pytest.param("!remind 10m", "text", id="no text"),
        pytest.param("!remind every 1m tea", "10 minutes", id="too often"),
        pytest.param("!remind 10m " + "x" * 1600, "1500", id="too long"),
        pytest.param("!timezone Berlin", "Europe/Berlin", id="time zone"),
    ],
)
async def test_what_cannot_be_done_is_explained(stage: Stage, command: str, answer: str) -> None:
    """The answer says what to write."""
    assert answer in await stage.say(command, user="alice")


async def test_times_are_those_of_the_users_clock(stage: Stage) -> None:
    """Nine in the morning is another time in Tokyo."""
    assert "Asia/Tokyo" in await stage.slash("timezone", {"name": "asia/tokyo"}, user="alice")
    await stage.slash("remind", {"when": "tomorrow 9am", "text": "tea"}, user="alice")

    kept = await row(stage)

    assert (kept.due_at.hour, kept.due_at.minute, kept.timezone) == (0, 0, "Asia/Tokyo")


async def test_what_could_not_be_delivered_is_told_at_the_next_command(stage: Stage) -> None:
    """The channel is gone and direct messages are closed: the next command says so, once."""
    made = await stage.driver.add_channel("short-lived")
    await stage.say("!remind 10m tea", user="alice", channel="short-lived")
    stage.backend.delete_channel(int(made["id"]))
    await stage.driver.fault(
        "fail_rest", {"path": "*/users/@me/channels", "status": 403, "code": 50007}
    )
    await fall_due(stage)
    for _ in range(200):
        if (await row(stage)).state == "failed":
            break
        await asyncio.sleep(0.02)

    for _ in range(2):
        await stage.say("!ping", user="alice")
    await until(lambda: any("could not deliver" in m.content for m in stage.messages()))
    await stage.say("!ping", user="alice")

    assert sum("could not deliver" in m.content for m in stage.messages()) == 1
    assert not any("tea" in m.content for m in stage.messages())
