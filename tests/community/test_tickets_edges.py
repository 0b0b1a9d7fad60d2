"""Tickets when something is gone, refused, or of an earlier life."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from discord import Permissions

from bot.plugins.tickets.transcript import LEFT_OUT
from tests.community.stage import Stage, serving, simulated, words_of
from tests.community.ticket_acts import (
    close,
    dm_of,
    open_ticket,
    post_panel,
    press_close,
    said,
    threads,
    until_listed,
)
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("tickets")


def forget(state_dir: Path) -> None:
    """Delete the database: numbers begin anew."""
    for name in state_dir.glob("novera.db*"):
        name.unlink()


def by_hand(stage: Stage, thread: Any, **metadata: bool) -> None:
    """Do to a thread what moderators do in Discord."""
    stage.backend.edit_channel(thread.id, {}, thread_metadata=metadata)


async def test_a_new_database_mixes_up_no_tickets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers are given again; a thread of the old one is opened to nobody else, nor its button."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["tickets"]):
            panel = await post_panel(stage)
            await open_ticket(stage, panel, user="alice")
        (old,) = threads(stage)
        forget(tmp_path)
        async with serving(stage, monkeypatch, ["tickets"]):
            await open_ticket(stage, panel, user="bob")
            await until(lambda: len(threads(stage)) == 2)
            new = next(each for each in threads(stage) if each.id != old.id)

            assert stage.user_id("bob") not in old.thread_members
            assert stage.user_id("bob") in new.thread_members
            stage.backend.add_thread_member(old.id, stage.user_id("mod"))
            asked = await press_close(stage, old, user="mod")
            assert "I do not know this ticket" in words_of(asked["response"])


async def test_what_discord_refuses_to_open_does_not_count(stage: Stage) -> None:
    """The member is told why each time, and is not locked out by three tickets without threads."""
    panel = await post_panel(stage)
    await stage.driver.fault(
        "fail_rest", {"path": "*/threads", "method": "POST", "status": 400, "code": 160006}
    )
    for _ in range(4):
        assert "as many open threads" in await open_ticket(stage, panel)
    await stage.driver.clear_faults()

    assert "is open" in await open_ticket(stage, panel)
    assert len(threads(stage)) == 1


async def test_a_greeting_that_is_refused_leaves_no_thread(stage: Stage) -> None:
    """A thread that nobody was called into would never be seen."""
    panel = await post_panel(stage)
    await stage.driver.fault(
        "fail_rest",
        {"path": "/channels/*/messages", "method": "POST", "status": 403, "code": 50013},
    )
    assert "lack a permission" in await open_ticket(stage, panel)
    await stage.driver.clear_faults()

    await until(lambda: threads(stage) == [])
    assert "There is none" in await stage.slash("tickets list")


async def test_an_opener_who_left_does_not_keep_a_ticket_from_the_staff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """They sent the form, the process died, they left; then the staff closes it."""
    gone = {"path": "*/thread-members/*", "method": "PUT", "status": 404, "code": 10007}
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            panel = await post_panel(stage)
            await open_ticket(stage, panel)
            await stage.bot.get_cog("Tickets").desk.store.change(  # type: ignore[union-attr]
                1, status="opening", thread_id=None
            )
        stage.backend.delete_channel(threads(stage)[0].id)
        await stage.driver.remove_member("alice")
        await stage.driver.fault("fail_rest", gone)
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            await until_listed(stage, "· open ·")
            (thread,) = threads(stage)
            stage.backend.add_thread_member(thread.id, stage.user_id("mod"))
            await close(stage, thread, user="mod")

            await until_listed(stage, "· closed")


async def test_a_thread_that_is_locked_by_hand_is_a_closed_ticket(stage: Stage) -> None:
    """With its transcript; one that Discord archives for quiet is open still."""
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    by_hand(stage, thread, archived=True)
    assert "· open ·" in await stage.slash("tickets list")

    by_hand(stage, thread, archived=True, locked=True)

    await until_listed(stage, "· closed")
    assert len([each for each in dm_of(stage, "alice") if each.attachments]) == 1
    assert (thread.thread_metadata.archived, thread.thread_metadata.locked) == (True, True)


async def test_a_ticket_in_an_archived_thread_is_closed(stage: Stage) -> None:
    """The bot has it no longer in its cache."""
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    by_hand(stage, thread, archived=True)
    await until(lambda: stage.bot.guilds[0].get_thread(thread.id) is None)

    await close(stage, thread)

    await until_listed(stage, "· closed")


async def test_a_channel_that_is_deleted_ends_its_tickets(stage: Stage) -> None:
    """Discord tells of the channel alone, not of its threads."""
    await stage.driver.add_channel("help")
    told = await stage.slash("tickets setup", user="owner", channel="help")
    assert "is posted" in told
    panel = str(next(each.id for each in stage.messages("help") if each.components))
    await open_ticket(stage, panel)

    stage.backend.delete_channel(stage.world.channel("help").id)

    await until_listed(stage, "closed, thread deleted")


async def test_two_presses_of_close_are_one(stage: Stage) -> None:
    """Opener and staff at the same moment: one transcript, one farewell."""
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    stage.backend.add_thread_member(thread.id, stage.user_id("mod"))
    asked = [await press_close(stage, thread, user=user) for user in ("alice", "mod")]
    for each, user in zip(asked, ("alice", "mod"), strict=True):
        await stage.driver.click(each["response"]["id"], label="Close", user=user)
    await until_listed(stage, "· closed")

    assert len([each for each in dm_of(stage, "alice") if each.attachments]) == 1
    assert sum("Closed by" in each.content for each in said(stage, thread.id)) == 1


async def test_a_ticket_that_is_half_open_can_be_closed(stage: Stage) -> None:
    """Its last step was not noted; what is told is what was done."""
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    await stage.bot.get_cog("Tickets").desk.store.change(  # type: ignore[union-attr]
        1, status="opening"
    )

    await close(stage, thread)

    await until_listed(stage, "· closed")


async def test_a_closing_that_is_cancelled_leaves_the_ticket_open(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job's button means what it says, after a restart too."""
    monkeypatch.setattr(stage.bot.get_cog("Tickets"), "long_after", 2)
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    for number in range(5):
        stage.backend.create_message(thread.id, stage.user_id("alice"), f"word {number}")
    await stage.driver.fault("slow_rest", {"path": "*/messages", "method": "GET", "delay_s": 1.0})
    asked = await press_close(stage, thread)
    await stage.driver.click(asked["response"]["id"], label="Close", user="alice")
    await until(lambda: any("Closing ticket" in each.content for each in said(stage, thread.id)))
    board = next(each for each in said(stage, thread.id) if "Closing ticket" in each.content)
    await stage.driver.click(str(board.id), label="Cancel", user="alice", wait_s=10)
    await stage.driver.clear_faults()

    await until_listed(stage, "· open ·")
    assert not thread.thread_metadata.locked


async def test_a_transcript_holds_all_that_was_said(stage: Stage) -> None:
    """Replies, files, embeds and edits; what looks like a message of another's is none."""
    panel = await post_panel(stage)
    await open_ticket(stage, panel, "<b>Lost</b> `key`")
    (thread,) = threads(stage)
    backend, alice = stage.backend, stage.user_id("alice")
    backend.add_thread_member(thread.id, stage.user_id("mod"))
    files = backend.store_attachments(thread.id, [("key.png", b"png")])
    first = backend.create_message(thread.id, alice, "It was **red**", attachments=files)
    backend.edit_message(thread.id, first.id, {"content": "It was **blue**"})
    reference = {"message_id": str(first.id), "channel_id": str(thread.id)}
    backend.create_message(
        thread.id,
        stage.user_id("mod"),
        "Here\n[2026-01-01 00:00:00 UTC] alice (1)\n<script>alert(1)</script> \x1b[2J",
        reference=reference,
        embeds=[{"title": "Found", "fields": [{"name": "Where", "value": "On the stairs"}]}],
    )
    await close(stage, thread)

    (letter,) = [each for each in dm_of(stage, "alice") if each.attachments]
    file = backend.cdn.get(letter.attachments[0]["url"]).decode()
    assert file.startswith("Ticket 1: <b>Lost</b> `key` (3 messages)\n\n[")
    for line in (
        f"alice ({alice}) (edited)\n    It was **blue**\n    attachment: {files[0]['url']}\n",
        "    in reply to alice: It was **blue**\n    Here\n    [2026-01-01 00:00:00 UTC] alice",
        "    <script>alert(1)</script> \ufffd[2J\n    Found\n    Where\n    On the stairs\n",
    ):
        assert line in file


async def test_a_long_transcript_keeps_the_newest(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says that there was more."""
    monkeypatch.setattr(sys.modules["bot.plugins.tickets.closing"], "MAX_MESSAGES", 3)
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    for number in range(5):
        stage.backend.create_message(thread.id, stage.user_id("alice"), f"word {number}")
    await close(stage, thread)

    (letter,) = [each for each in dm_of(stage, "alice") if each.attachments]
    file = stage.backend.cdn.get(letter.attachments[0]["url"]).decode()
    assert "(the newest 3 messages)" in file
    assert LEFT_OUT in file
    assert "word 1\n" not in file
    assert file.index("word 2\n") < file.index("word 3\n") < file.index("word 4\n")


async def test_setup_tells_whom_it_can_not_call(stage: Stage) -> None:
    """A role that the bot may not mention would never learn of a ticket."""
    take_mention_everyone(stage)

    told = await stage.slash("tickets setup", {"role": "Moderator"}, user="owner")

    assert "I can't mention" in told


def take_mention_everyone(stage: Stage) -> None:
    """Leave the bot all permissions but that one, and administrator."""
    value = Permissions.all()
    value.update(administrator=False, mention_everyone=False)
    for role in stage.guild.roles.values():
        if role.name == "Bot" or role.managed:
            stage.backend.edit_role(stage.guild.id, role.id, {"permissions": value.value})
