"""Tickets whose process is killed in the middle of them: real processes, and SIGKILL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.community.stage import Stage
from tests.community.ticket_acts import dm_of, press_close, said, threads
from tests.integration.serving import until
from tests.system.parts.mortal_bots import MortalBots, Process, mortal_bots

STATUS = "SELECT status FROM tickets"
WAITS = "route_429"  # the call waits in the bot: nothing was done
LOST = "drop_rest"  # it was done, and nobody heard of it


@pytest.fixture
async def bots(tmp_path: Path) -> AsyncIterator[MortalBots]:
    """Bots with tickets; none is begun."""
    async with mortal_bots(tmp_path, "tickets", "settings") as made:
        yield made


async def begun(bots: MortalBots) -> tuple[Process, Stage, str]:
    """Begin a bot with a log channel and a panel; answers it, the world, and the panel."""
    process, stage = await bots.begin(), bots.stage
    log = (await stage.driver.add_channel("log"))["id"]
    assert "is set" in await stage.say(f"!settings set log_channel <#{log}>", user="owner")
    staff = next(each for each in stage.guild.roles.values() if each.name == "Moderator")
    posted = await stage.driver.say(f"!tickets setup {staff.id}", user="owner", wait_s=20)
    await until(lambda: "The panel is posted." in stage.messages()[-1].content)
    return process, stage, str(posted["reply"]["id"])


async def struck(stage: Stage, kind: str, method: str, path: str) -> None:
    """Let one call of the bot come to nothing, or seem to."""
    how: dict[str, Any] = {"retry_after_s": 60} if kind == WAITS else {"when": "after"}
    await stage.driver.fault(kind, {"path": path, "method": method, **how})


async def hit(stage: Stage) -> None:
    """Wait until the fault has struck."""
    faults = stage.simulator.driver._parts.faults
    await until(lambda: any(each.hits for each in faults.active()), timeout_s=20)


async def send_form(stage: Stage, panel: str) -> str:
    """Press the button and send the form; what comes of it is not waited for."""
    pressed = await stage.driver.click(panel, label="Open a ticket", user="alice", wait_s=20)
    await stage.driver.submit_modal(pressed["id"], {"subject": "Lost key", "text": "Please help."})
    return str(pressed["id"])


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        pytest.param(WAITS, "POST", "*/threads", id="no thread"),
        pytest.param(LOST, "POST", "*/threads", id="a thread that nobody noted"),
        pytest.param(WAITS, "PUT", "*/thread-members/*", id="nobody in it"),
        pytest.param(WAITS, "POST", "/channels/*/messages", id="no greeting"),
        pytest.param(LOST, "POST", "/channels/*/messages", id="a greeting that nobody noted"),
    ],
)
async def test_a_ticket_is_opened_once(bots: MortalBots, kind: str, method: str, path: str) -> None:
    """One thread with its opener and one greeting, wherever its process was killed."""
    first, stage, panel = await begun(bots)
    await struck(stage, kind, method, path)
    await send_form(stage, panel)
    await hit(stage)
    await bots.kill(first)
    await stage.driver.clear_faults()

    await bots.begin()
    await until(lambda: bots.rows(STATUS) == [("open",)], timeout_s=30)

    (thread,) = threads(stage)
    (greeting,) = said(stage, thread.id)
    assert stage.user_id("alice") in thread.thread_members
    assert stage.user_id("alice") in greeting.ping_user_ids
    assert len(greeting.ping_role_ids) == 1


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        pytest.param(WAITS, "GET", "/channels/*/messages", id="nothing read"),
        pytest.param(WAITS, "POST", "/channels/*/messages", id="nothing logged"),
        pytest.param(LOST, "POST", "/channels/*/messages", id="a log entry that nobody noted"),
        pytest.param(WAITS, "POST", "/users/@me/channels", id="nothing sent to its opener"),
        pytest.param(WAITS, "PATCH", "/channels/*", id="not locked"),
        pytest.param(LOST, "PATCH", "/channels/*", id="a lock that nobody noted"),
    ],
)
async def test_a_ticket_is_closed_once(bots: MortalBots, kind: str, method: str, path: str) -> None:
    """One transcript for each, one farewell, wherever its process was killed."""
    first, stage, panel = await begun(bots)
    await send_form(stage, panel)
    await until(lambda: bots.rows(STATUS) == [("open",)], timeout_s=20)
    (thread,) = threads(stage)
    stage.backend.create_message(thread.id, stage.user_id("alice"), "It was red.")
    asked = await press_close(stage, thread)
    await struck(stage, kind, method, path)
    await stage.driver.click(asked["response"]["id"], label="Close", user="alice")
    await hit(stage)
    await bots.kill(first)
    await stage.driver.clear_faults()

    await bots.begin()
    await until(lambda: bots.rows(STATUS) == [("closed",)], timeout_s=30)

    logged = [each for each in said(stage, stage.world.channel("log").id) if each.attachments]
    letters = [each for each in dm_of(stage, "alice") if each.attachments]
    farewells = [each for each in said(stage, thread.id) if "Closed by" in each.content]
    assert (len(logged), len(letters), len(farewells)) == (1, 1, 1)
    assert (thread.thread_metadata.archived, thread.thread_metadata.locked) == (True, True)
    file = stage.backend.cdn.get(letters[0].attachments[0]["url"]).decode()
    assert "It was red." in file
