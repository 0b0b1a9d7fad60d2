"""Automod where messages are more than their text, and where its rules end."""

from __future__ import annotations

from typing import Any

import pytest
from simcord.backend import serializers
from simcord.enums import ChannelType

from bot.moderation.case import Chosen
from bot.plugins.automod.config import Config
from tests.community.moderating import cases_of
from tests.community.stage import Stage
from tests.community.test_automod_rules import TEXT, contents, only, post, reports, set_up
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("automod")


def emit(stage: Stage, content: str = "", **fields: Any) -> None:
    """Let the bot see a message of alice's as Discord would show it."""
    place, alice = stage.world.channel("general"), stage.user_id("alice")
    message = stage.backend.create_message(place.id, alice, content or "x", broadcast=False)
    member = serializers.member_payload(
        stage.backend, stage.guild, stage.guild.members[alice], with_user=False
    )
    shown = serializers.message_payload(stage.backend, message)
    given = {"guild_id": str(stage.guild.id), "member": member, "content": content}
    stage.backend.emit("MESSAGE_CREATE", {**shown, **given, **fields})


def snapshot(**fields: Any) -> dict[str, Any]:
    """Answer the fields of a message that forwards another one."""
    forwarded = {
        "type": 0,
        "content": "",
        "embeds": [],
        "attachments": [],
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "flags": 0,
        "mentions": [],
        "mention_roles": [],
        **fields,
    }
    reference = {"type": 1, "message_id": "1", "channel_id": "2"}
    return {"message_reference": reference, "message_snapshots": [{"message": forwarded}]}


def file(**fields: Any) -> dict[str, Any]:
    """Answer an attachment."""
    given = {"id": "5", "filename": "image.png", "size": 1, "url": "https://x", "proxy_url": "x"}
    return given | fields


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(snapshot(content=TEXT), id="forwarded"),
        pytest.param(snapshot(embeds=[{"description": TEXT}]), id="forwarded embed"),
        pytest.param(
            snapshot(embeds=[{"fields": [{"name": "x", "value": TEXT}]}]), id="forwarded field"
        ),
        pytest.param(
            snapshot(components=[{"type": 17, "components": [{"type": 10, "content": TEXT}]}]),
            id="forwarded component",
        ),
        pytest.param(snapshot(attachments=[file(description=TEXT)]), id="forwarded file"),
        pytest.param({"attachments": [file(description=TEXT)]}, id="text of a picture"),
        pytest.param(
            {"sticker_items": [{"id": "1", "name": TEXT, "format_type": 1}]}, id="sticker"
        ),
        pytest.param(
            {
                "poll": {
                    "question": {"text": "Where?"},
                    "answers": [{"answer_id": 1, "poll_media": {"text": TEXT}}],
                    "expiry": "2030-01-01T00:00:00+00:00",
                    "allow_multiselect": False,
                    "layout_type": 1,
                }
            },
            id="poll",
        ),
    ],
)
async def test_what_is_said_beside_the_text_counts(stage: Stage, fields: dict[str, Any]) -> None:
    """An invite is one wherever members read it."""
    await set_up(stage, only("invites"))

    emit(stage, **fields)
    await until(lambda: bool(reports(stage)))

    assert contents(stage) == []
    assert "the invite abcdef" in reports(stage)[0]


async def test_messages_in_exempt_places_are_not_counted(stage: Stage) -> None:
    """Many there and one elsewhere are no burst, and none of them is deleted."""
    await set_up(stage, only("burst", count=3, seconds=60))
    log = stage.world.channel("log").id
    await stage.slash("automod exempt channel", {"channel": str(log)}, user="owner")
    for number in range(3):
        await stage.driver.say(f"number {number}", user="alice", channel="log", wait_s=0)
    await post(stage, "one more")
    for number in range(3):
        await post(stage, f"number {number}", user="bob")
    await until(lambda: any(str(stage.user_id("bob")) in each for each in reports(stage)))

    assert not any(str(stage.user_id("alice")) in each for each in reports(stage))
    assert [text for text in contents(stage) if "apply" not in text] == ["one more"]
    assert contents(stage, "log")[:3] == ["number 0", "number 1", "number 2"]


async def test_threads_and_forums_can_be_exempt(stage: Stage) -> None:
    """A thread by itself, a forum with all posts in it, and a category with all beneath."""
    backend, guild = stage.backend, stage.guild
    await set_up(stage, only("invites"))
    general, alice = stage.world.channel("general"), stage.user_id("alice")
    category = backend.create_channel(guild.id, "category", type=ChannelType.CATEGORY)
    forum = backend.create_channel(guild.id, "forum", type=ChannelType.FORUM, parent_id=category.id)
    threads = [
        backend.create_thread(general.id, "spared", alice),
        backend.create_thread(forum.id, "post", alice),
        backend.create_thread(general.id, "watched", alice),
    ]
    await until(lambda: all(stage.bot.get_channel(each.id) for each in threads))

    await stage.slash("automod exempt channel", {"channel": str(threads[0].id)}, user="owner")
    await stage.slash("automod exempt channel", {"channel": "category"}, user="owner")
    for thread in threads:
        backend.create_message(thread.id, alice, TEXT)
    await until(lambda: bool(reports(stage)))

    left = [len(backend.messages[thread.id]) for thread in threads]
    assert left == [1, 1, 0]
    assert len(reports(stage)) == 1


async def test_a_link_that_unfolds_is_no_edit(stage: Stage) -> None:
    """Nor is a pin: what was edited is judged once for that, and again when it changes."""
    await set_up(stage, only("words", words=("bad",), actions=("warn",)))
    await post(stage, "good")  # edited before it is seen, as after an outage
    message = stage.messages()[0]

    await stage.driver.edit(str(message.id), "bad")
    await until(lambda: len(automod_reports(stage)) == 1)
    backend = stage.backend
    backend.emit(
        "MESSAGE_UPDATE",
        {**serializers.message_payload(backend, message), "guild_id": str(stage.guild.id)},
    )
    await stage.driver.edit(str(message.id), "bad again")
    await until(lambda: len(automod_reports(stage)) > 1)

    warned = await cases_of(stage, Chosen(target_id=stage.user_id("alice"), action="warn"))
    assert len(warned) == len(automod_reports(stage)) == 2


def automod_reports(stage: Stage) -> list[str]:
    """Answer automod's own reports, without the cards of cases."""
    return [report for report in reports(stage) if report.startswith("Automod")]


async def test_a_phrase_may_begin_with_any_word(stage: Stage) -> None:
    """Such as one that also means yes or no; stars find it inside of words."""
    await stage.say("!automod word add no way", user="owner")
    await stage.say("!automod word add *scam*", user="owner")

    listed = await stage.say("!automod word", user="owner")

    assert "Whole words\n`no way`" in listed
    assert "Inside of words\n`scam`" in listed


@pytest.mark.parametrize("number", range(3))
async def test_a_dry_run_acts_on_nothing(stage: Stage, number: int) -> None:
    """Neither on messages nor on members, whatever the rules ask for."""
    config = Config(dry_run=True)
    for rule, actions in (
        ("words", ("delete", "warn", "timeout")),
        ("burst", ("delete", "timeout")),
        ("joins", ("kick", "timeout")),
    )[number : number + 1]:
        config = config.changed(rule, enabled=True, actions=actions)
    config = config.changed("words", words=("bad",)).changed("burst", count=2, seconds=60)
    await set_up(stage, config)

    await post(stage, "bad")
    await post(stage, "bad")
    await stage.driver.add_user("newcomer")
    await until(lambda: bool(reports(stage)))

    assert all("(dry run)" in each and "Nothing was done" in each for each in reports(stage))
    assert contents(stage) == ["bad", "bad"]
    assert stage.user_id("newcomer") in stage.guild.members
    assert await stage.services.cases.get(stage.guild.id, 1) is None
