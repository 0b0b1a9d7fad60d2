"""Tickets as members open them and the staff works on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.community.stage import Stage, serving, simulated, words_of
from tests.community.ticket_acts import (
    close,
    dm_of,
    open_ticket,
    post_panel,
    said,
    threads,
    until_listed,
)
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("tickets")


async def test_a_ticket_from_its_button_to_its_transcript(stage: Stage) -> None:
    """A private thread, the staff pinged once; then log channel and opener have what was said."""
    await stage.driver.add_channel("log")
    log_id = stage.world.channel("log").id
    await stage.services.guilds.change(stage.guild.id, log_channel_id=log_id)
    panel = await post_panel(stage)

    assert "Your ticket is open" in await open_ticket(stage, panel)
    (thread,) = threads(stage)
    assert (thread.name, thread.type) == ("ticket-0001 Lost key", 12)
    assert stage.user_id("alice") in thread.thread_members
    (greeting,) = said(stage, thread.id)
    assert f"<@{stage.user_id('alice')}> <@&" in greeting.content
    stage.backend.create_message(thread.id, stage.user_id("alice"), "it was red")
    await close(stage, thread)

    assert thread.thread_metadata.archived
    (logged,) = said(stage, log_id)
    (letter,) = [each for each in dm_of(stage, "alice") if each.attachments]
    for message in (logged, letter):
        assert message.attachments[0]["filename"] == "ticket-0001.txt"
    await until_listed(stage, "· closed")
    assert "`Lost key`" not in await stage.slash("tickets list")
    assert "closed" in await stage.slash("tickets list", {"closed": True})


async def test_nobody_opens_more_than_three(stage: Stage) -> None:
    """Those whose thread was deleted by hand do not count."""
    panel = await post_panel(stage)
    for number in range(3):
        assert "is open" in await open_ticket(stage, panel, f"Matter {number}")

    assert "3 open tickets" in await open_ticket(stage, panel)
    assert "is open" in await open_ticket(stage, panel, user="bob")
    stage.backend.delete_channel(threads(stage)[0].id)
    await until_listed(stage, "closed, thread deleted")
    assert "is open" in await open_ticket(stage, panel)


async def test_others_can_not_close_a_ticket(stage: Stage) -> None:
    """Its opener and the staff can; a member sees only tickets of their own."""
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    stage.backend.add_thread_member(thread.id, stage.user_id("bob"))
    greeting = str(said(stage, thread.id)[0].id)

    refused = await stage.driver.click(greeting, label="Close", user="bob", wait_s=10)
    assert "Only the one who opened" in words_of(refused["response"])
    assert "There is none" in await stage.slash("tickets list", user="bob")
    assert "Lost key" in await stage.slash("tickets list", user="alice")
    in_public = await stage.say("!tickets", user="mod")
    assert "· open ·" in in_public
    assert "Lost key" not in in_public
    stage.backend.add_thread_member(thread.id, stage.user_id("mod"))
    await close(stage, thread, user="mod")


async def test_a_closed_ticket_is_opened_again(stage: Stage) -> None:
    """Its thread too; and it can be closed once more, with a transcript of all."""
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    await close(stage, thread)

    assert "Only the staff" in await stage.slash("tickets reopen", {"number": 1}, user="alice")
    assert "is open again" in await stage.slash("tickets reopen", {"number": 1})
    assert not thread.thread_metadata.locked
    await close(stage, thread)
    assert len([each for each in dm_of(stage, "alice") if each.attachments]) == 2


async def test_a_ticket_survives_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Panel and close button work in the next process."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            panel = await post_panel(stage)
            await open_ticket(stage, panel)
        (thread,) = threads(stage)
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            assert "is open" in await open_ticket(stage, panel, "Second")
            await close(stage, thread)


@pytest.mark.parametrize("has_thread", [False, True])
async def test_a_process_that_died_while_opening_is_followed_by_one_that_goes_on(
    has_thread: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The thread that was made is used, and the greeting is sent once."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            panel = await post_panel(stage)
            await open_ticket(stage, panel)
            (thread,) = threads(stage)
            await stage.bot.get_cog("Tickets").desk.store.change(  # type: ignore[union-attr]
                1, status="opening", thread_id=None
            )
        if not has_thread:
            stage.backend.delete_channel(thread.id)
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            await until_listed(stage, "· open ·")

            (found,) = threads(stage)
            assert (found.id == thread.id) is has_thread
            assert len(said(stage, found.id)) == 1


async def test_a_process_that_died_while_closing_is_followed_by_one_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The thread is locked, and the transcript goes to its opener."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            panel = await post_panel(stage)
            await open_ticket(stage, panel)
            (thread,) = threads(stage)
            await stage.bot.get_cog("Tickets").desk.store.change(  # type: ignore[union-attr]
                1, status="closing", closer_id=stage.user_id("mod")
            )
        async with serving(stage, monkeypatch, ["tickets"], database_url=database_url):
            await until(lambda: thread.thread_metadata.locked)
            assert len([each for each in dm_of(stage, "alice") if each.attachments]) == 1


async def test_a_long_ticket_is_closed_by_a_background_job(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closed it sees how far it is."""
    monkeypatch.setattr(stage.bot.get_cog("Tickets"), "long_after", 2)
    panel = await post_panel(stage)
    await open_ticket(stage, panel)
    (thread,) = threads(stage)
    for number in range(5):
        stage.backend.create_message(thread.id, stage.user_id("alice"), f"word {number}")

    await close(stage, thread)

    (entry,) = await stage.services.background.newest(5)
    assert entry.title == "Closing ticket 1"
