"""Long work as its users see it: progress, Cancel, and what a restart makes of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

import discord
import pytest

from bot.background.cancelling import CancelButton
from bot.background.entry import Entry
from bot.background.run import PAINT_EVERY_S
from simulator.errors import RefusedError
from tests.community.stage import Stage, serving, simulated
from tests.integration.serving import until

if TYPE_CHECKING:
    from tests.community.counting_jobs import Counting

PLUGIN = "tests.community.counting_jobs"
pytestmark = pytest.mark.plugins(PLUGIN)


def counting(stage: Stage) -> Counting:
    """Answer the plugin of the process that serves now; discord.py executed its module anew."""
    return cast("Counting", stage.bot.get_cog("Counting"))


def shown(stage: Stage, title: str = "Count") -> list[Any]:
    """Answer the messages in which jobs are shown."""
    return [each for each in stage.messages() if f"**{title}**" in each.content]


async def job_of(stage: Stage) -> Entry:
    """Answer the newest job."""
    return (await stage.services.background.newest(1))[0]


async def held_at(stage: Stage, number: int, to: int, kind: str = "count") -> Any:
    """Begin to count and wait until it is held; answers its message."""
    counting(stage).hold_at = number
    await stage.driver.say(f"!count {to} {kind}", user="mod")
    await until(lambda: counting(stage).held.is_set())
    await until(lambda: len(shown(stage)) == 1)
    return shown(stage)[0]


async def test_a_job_shows_its_end_in_its_message(stage: Stage) -> None:
    """One message tells of it from the beginning to the end; its button goes with the end."""
    await stage.driver.say("!count 3", user="mod")
    await until(lambda: bool(shown(stage)) and "Counted to 3." in shown(stage)[0].content)

    (message,) = shown(stage)
    assert message.content.startswith("✅ **Count**: done (job 1)")
    assert message.components == []
    assert counting(stage).counted == [1, 2, 3]
    assert counting(stage).ended == []


async def test_progress_is_edited_seldom(stage: Stage) -> None:
    """Five hundred steps at once are a post and a few edits, however long they take."""
    began_s = time.monotonic()
    await stage.driver.say("!count 500", user="mod")
    await until(lambda: bool(shown(stage)) and "Counted to 500." in shown(stage)[0].content)
    edits = await stage.driver.rest_log(method="PATCH", path="*/messages/*")

    in_between = (time.monotonic() - began_s) // PAINT_EVERY_S
    assert 1 <= len(edits) <= 3 + in_between


async def test_who_asked_for_it_cancels_it(stage: Stage) -> None:
    """The button ends the work where it is, and says how far it came."""
    message = await held_at(stage, 2, to=5)
    answer = await stage.driver.click(str(message.id), label="Cancel", user="mod", wait_s=5)
    await until(lambda: "cancelled" in shown(stage)[0].content)

    assert answer["response"]["content"] == "Job 1 is cancelled."
    assert "It came to 2 of 5." in shown(stage)[0].content
    assert shown(stage)[0].components == []
    await until(lambda: counting(stage).ended == ["cancelled"])
    assert counting(stage).counted == [1, 2]


async def test_others_may_not_cancel_it_but_managers_may(stage: Stage) -> None:
    """Nobody's work is ended by whoever passes by."""
    message = await held_at(stage, 1, to=2)
    refused = await stage.driver.click(str(message.id), label="Cancel", user="bob", wait_s=5)
    assert "may cancel it" in refused["response"]["content"]
    assert (await job_of(stage)).status == "running"

    await stage.driver.add_role("Manager", permissions=["manage_guild"], members=["alice"])
    await until(lambda: _manages(stage, "alice"))
    await stage.driver.click(str(message.id), label="Cancel", user="alice", wait_s=5)
    await until(lambda: "cancelled" in shown(stage)[0].content)

    with pytest.raises(RefusedError):
        await stage.driver.click(str(message.id), label="Cancel", user="mod", wait_s=5)


def _manages(stage: Stage, name: str) -> bool:
    guild = stage.bot.get_guild(stage.guild.id)
    member = guild.get_member(stage.user_id(name)) if guild is not None else None
    return member is not None and member.guild_permissions.manage_guild


async def test_a_job_outlives_its_message(stage: Stage) -> None:
    """Who deletes the message ends nothing; the outcome is told in another one."""
    message = await held_at(stage, 1, to=3)
    await stage.driver.delete(str(message.id), user="mod")
    counting(stage).go.set()
    await until(lambda: bool(shown(stage)) and "Counted to 3." in shown(stage)[0].content)

    assert shown(stage)[0].id != message.id
    assert (await job_of(stage)).status == "done"


async def test_what_can_not_be_done_is_explained(stage: Stage) -> None:
    """A refusal is shown as it is, and tried once."""
    await stage.driver.say("!count -1", user="mod")
    await until(lambda: bool(shown(stage)) and "failed" in shown(stage)[0].content)

    assert "I can't count down." in shown(stage)[0].content
    assert counting(stage).ended == ["failed"]


@pytest.mark.parametrize("deleted", [pytest.param(False, id="shown"), pytest.param(True, id="not")])
@pytest.mark.parametrize("breaks", [False, True])
async def test_a_job_goes_on_in_the_next_process(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, database_url: str, deleted: bool, breaks: bool
) -> None:
    """It begins where its last checkpoint is, and its message goes on as well."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, [PLUGIN], database_url=database_url):
            message = await held_at(stage, 3, to=5)
            counting(stage).breaks = breaks
        assert len(shown(stage)) == 1
        assert counting_is_over(stage) is False
        if deleted:
            await stage.driver.delete(str(message.id), user="mod")
        async with serving(stage, monkeypatch, [PLUGIN], database_url=database_url):
            await until(lambda: bool(shown(stage)) and "Counted to 5." in shown(stage)[0].content)

            assert counting(stage).counted == [4, 5]
            assert (shown(stage)[0].id == message.id) is not deleted


async def test_a_job_that_fails_since_its_client_is_closed_goes_on_in_the_next_process(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """An orderly end closes the client first: what its jobs then ask of Discord fails."""
    failed = asyncio.Event()

    async def closed_meanwhile() -> None:
        await until(stage.bot.is_closed)
        failed.set()
        raise RuntimeError("Session is closed")  # aiohttp's

    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, [PLUGIN], database_url=database_url):
            monkeypatch.setattr(counting(stage).go, "wait", closed_meanwhile)
            await held_at(stage, 3, to=5)
            await stage.bot.close()
            await failed.wait()
        async with serving(stage, monkeypatch, [PLUGIN], database_url=database_url):
            await until(lambda: "Counted to 5." in shown(stage)[0].content)

            assert counting(stage).counted == [4, 5]


def counting_is_over(stage: Stage) -> bool:
    """Answer whether the message of a job shows an end."""
    return any(mark in shown(stage)[0].content for mark in ("✅", "❌", "🛑", "⚠️"))


async def test_a_job_that_can_not_go_on_is_reported(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """It says so in its message; it is not begun again."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, [PLUGIN], database_url=database_url):
            await held_at(stage, 1, to=5, kind="count-once")
        async with serving(stage, monkeypatch, [PLUGIN], database_url=database_url):
            await until(lambda: "interrupted" in shown(stage)[0].content)

            assert counting(stage).counted == []
            assert counting(stage).ended == ["interrupted"]
            assert shown(stage)[0].components == []


async def test_the_button_works_after_a_restart(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """A process that never saw the message knows from its button which job is meant."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, [PLUGIN], database_url=database_url):
            message = await held_at(stage, 1, to=5)
        async with serving(stage, monkeypatch, ["jobs"], database_url=database_url):
            await stage.services.storage.sync_engine()  # no plugin knows the job: it waits
            await stage.driver.click(str(message.id), label="Cancel", user="mod", wait_s=5)
            await until(lambda: "cancelled" in shown(stage)[0].content)

            assert (await job_of(stage)).status == "cancelled"


async def test_a_button_of_an_earlier_database_cancels_nothing(stage: Stage) -> None:
    """Numbers begin anew there, and an old message bears one of them."""
    await held_at(stage, 2, 3)
    place: Any = stage.bot.get_channel(stage.world.channel("general").id)
    view = discord.ui.View(timeout=None).add_item(CancelButton((await job_of(stage)).id))
    old = await place.send("⏳ **Backup**", view=view)

    pressed = await stage.driver.click(str(old.id), label="Cancel", user="mod", wait_s=10)

    assert "I have forgotten it" in pressed["response"]["content"]
    assert (await job_of(stage)).status == "running"


async def test_a_process_that_leads_again_goes_on_with_the_jobs_it_left(stage: Stage) -> None:
    """While another one was about to lead, it worked on none."""
    await held_at(stage, 2, to=5)
    stage.services.pause()
    await until(lambda: not stage.services.background._runs)
    counting(stage).hold_at = -1
    left = (await job_of(stage)).status
    stage.services.begin()
    await until(lambda: "Counted to 5." in shown(stage)[0].content)

    assert left == "running"
    assert counting(stage).counted == [1, 2, 3, 4, 5]
