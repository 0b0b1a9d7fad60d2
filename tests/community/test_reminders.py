"""Reminders as users see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.plugins.reminders.model import NewReminder
from tests.community.moderating import press, press_in_vain
from tests.community.reminding import fall_due, reminding, row, written
from tests.community.stage import Stage, words_of
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("reminders")
SAME = ("user_id", "guild_id", "channel_id", "message_id", "due_at", "repeat", "timezone")


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
    assert not message.mention_everyone
    assert list(message.ping_user_ids) == [stage.user_id("alice")]


async def test_repeating_reminders_come_again(stage: Stage) -> None:
    """The next one is scheduled with the one that came, and each occurrence is a message."""
    told = await stage.say("!remind every 1h drink water", user="alice")

    assert "every hour" in told
    for count in (1, 2):
        await fall_due(stage)
        await until(lambda: len(reminding(stage)) == count)  # noqa: B023 - awaited in the loop
        await written(stage, lambda kept: kept.count == count)  # noqa: B023 - as above
    kept = await row(stage)

    assert kept.state == "pending"
    assert timedelta(minutes=59) < kept.due_at - datetime.now(UTC) <= timedelta(hours=1)


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


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param("!remind 5 tea", "don't understand that time", id="bare number"),
        pytest.param("!remind yesterday tea", "in the past", id="past"),
        pytest.param("!remind 10m", "text", id="no text"),
        pytest.param("!remind every 1m tea", "10 minutes", id="too often"),
        pytest.param("!remind 10m " + "x" * 1600, "1500", id="too long"),
        pytest.param("!remind daily 2020-01-01 tea", "in the past", id="past with a rule"),
        pytest.param("!remind tomorrow at 8 tea", "`at 8` is not clear", id="half a time"),
        pytest.param("!remind 10m \u200b", "Of what?", id="nothing to see"),
        pytest.param("!remind " + "x" * 300 + " tea", "don't understand that time", id="long word"),
        pytest.param('!remind "tomorrow ' + "x" * 60 + '" tea', "64 characters", id="long time"),
        pytest.param("!reminders edit 7", "no open reminder 7", id="edit nothing"),
        pytest.param('!remind "10m tea', "quotation mark", id="open quotation"),
        pytest.param("!reminders cancel 99999999999999999999", "between 1 and", id="huge number"),
        pytest.param("!reminders cancel tea", "number", id="no number"),
        pytest.param("!reminders edit 7 2h", "no open reminder 7", id="no such reminder"),
        pytest.param("!timezone Berln", "Europe/Berlin", id="time zone"),
        pytest.param("!timezone UTC+5:30", "Europe/Berlin", id="offset"),
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


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("!remind in 2 hours tea time", id="in"),
        pytest.param('!remind "in 2 hours" tea time', id="quoted"),
        pytest.param("!remindme 2h tea time", id="alias"),
        pytest.param("!remind 1h60m\ntea time", id="lines"),
        pytest.param("!remind 2 hours from now, tea time", id="from now"),
    ],
)
async def test_the_words_of_a_text_command(stage: Stage, command: str) -> None:
    """As many as are a time are the time."""
    await stage.say(command, user="alice")
    kept = await row(stage)

    assert kept.text == "tea time"
    assert timedelta(minutes=119) < kept.due_at - datetime.now(UTC) <= timedelta(hours=2)


async def test_both_ways_of_repeating_are_one(stage: Stage) -> None:
    """By slash the rule may stand in the time or beside it."""
    await stage.slash("remind", {"when": "every friday 6pm", "text": "tea"}, user="alice")
    await stage.slash(
        "remind", {"when": "friday 6pm", "text": "tea", "repeat": "weekly"}, user="alice"
    )
    await stage.say("!remind every friday 6pm tea", user="alice")
    kept = [await row(stage, number) for number in (1, 2, 3)]

    assert len({(each.due_at, each.repeat, each.text) for each in kept}) == 1
    assert kept[0].due_at.weekday() == 4


async def test_a_monthly_reminder_keeps_its_day(stage: Stage) -> None:
    """A text that changes in February is no reason to come on the 28th for ever."""
    told = await stage.say("!remind monthly jan 31 9am rent", user="alice")
    await stage.slash("reminders edit", {"number": 1, "text": "the rent"}, user="alice")
    kept = await row(stage)

    assert "every month" in told
    assert (kept.repeat, kept.text) == ("1mo 09:00:00 31", "the rent")


async def test_an_edited_time_is_one_of_the_users_clock_of_now(stage: Stage) -> None:
    """The user has moved since; what is not edited keeps its zone."""
    await stage.say("!timezone Europe/Berlin", user="alice")
    await stage.say("!remind daily 9am tea", user="alice")
    assert "keep theirs" in await stage.say("!timezone tokyo", user="alice")
    await stage.say("!reminders edit 1 green tea", user="alice")
    before = await row(stage)
    told = await stage.say("!reminders edit 1 tomorrow 9am", user="alice")
    after = await row(stage)

    assert (before.text, before.timezone) == ("green tea", "Europe/Berlin")
    assert "time zone Asia/Tokyo" in told
    assert (after.due_at.hour, after.timezone, after.text) == (0, "Asia/Tokyo", "green tea")
    assert after.repeat == "86400 09:00:00"


async def test_the_guilds_time_zone_is_that_of_who_has_none(stage: Stage) -> None:
    """Also one that is an offset; a zone of one's own comes first."""
    await stage.services.guilds.change(stage.guild.id, timezone="Etc/GMT-2")
    assert "**UTC+2**" in await stage.slash("timezone", user="alice")
    await stage.say("!timezone utc-3", user="bob")
    for user in ("alice", "bob"):
        await stage.slash("remind", {"when": "tomorrow 9am", "text": "tea"}, user=user)

    assert [(await row(stage, number)).due_at.hour for number in (1, 2)] == [7, 12]


async def test_time_zones_are_completed(stage: Stage) -> None:
    """As somebody types."""
    shown = await stage.driver.autocomplete("timezone", "name", "berl", wait_s=10)

    assert [each["value"] for each in shown["choices"]][:1] == ["Europe/Berlin"]


async def test_others_do_not_read_what_was_made_elsewhere(stage: Stage) -> None:
    """A list in a channel shows the texts of that channel; slash commands answer in private."""
    await stage.driver.add_channel("secret")
    await stage.say("!remind 10m tea", user="alice")
    await stage.say("!remind 20m a **surprise", user="alice", channel="secret")
    public = await stage.say("!reminders list", user="alice")
    private = await stage.driver.slash("reminders list", user="alice", wait_s=10)

    assert "tea" in public
    assert "surprise" not in public
    assert "made elsewhere" in public
    assert private["ephemeral"]
    assert r"a \*\*surprise" in words_of(private["response"])


async def test_fifty_are_listed_on_pages_and_are_the_most(stage: Stage) -> None:
    """One more is refused until one is cancelled."""
    await stage.say("!remind 10m tea", user="alice")
    store = stage.bot.get_cog("Reminders")._store()  # type: ignore[union-attr]
    first = await store.get(1)
    for number in range(2, 51):
        new = NewReminder(
            **{name: getattr(first, name) for name in SAME},
            origin=number,
            text=f"tea {number}",
        )
        await store.create(new, first.due_at)
    listed = await stage.slash("reminders list", user="alice")

    assert "(50)" in listed
    assert "1/5" in listed
    assert "50 open reminders" in await stage.say("!remind 10m more", user="alice")
    await stage.say("!reminders cancel 7", user="alice")
    assert "Number 51" in await stage.say("!remind 10m more", user="alice")
    assert "Number" in await stage.say("!remind 10m tea", user="bob")
