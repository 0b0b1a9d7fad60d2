"""Purges and exports whose process is killed in the middle of them: real processes, and SIGKILL."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.community.stage import Stage
from tests.integration.serving import until
from tests.system.parts.mortal_bots import MortalBots, mortal_bots

MESSAGES = 310  # four calls


@pytest.fixture
async def bots(tmp_path: Path) -> AsyncIterator[MortalBots]:
    """Bots that purge and export; none is begun."""
    async with mortal_bots(tmp_path, "moderation", "channels", "jobs") as made:
        yield made


def shown(stage: Stage, title: str) -> list[Any]:
    """Answer the messages in which jobs are shown."""
    return [each for each in stage.messages() if f"**{title}**" in each.content]


async def ended(stage: Stage, title: str, mark: str = "✅") -> str:
    """Wait for the end of a job; answers what its only message says then."""
    await until(lambda: any(mark in each.content for each in shown(stage, title)), timeout_s=30)
    (message,) = shown(stage, title)
    return str(message.content)


def posted(stage: Stage, count: int) -> set[int]:
    """Post messages; answers their ids."""
    place, author = stage.world.channel("general").id, stage.user_id("bob")
    return {stage.backend.create_message(place, author, f"spam {n}").id for n in range(count)}


def left(stage: Stage, spam: set[int]) -> set[int]:
    """Answer which of the messages are there."""
    return spam & {message.id for message in stage.messages()}


async def purging(stage: Stage) -> tuple[set[int], set[int]]:
    """Begin a purge whose calls take a while; answers what it is about, and what it is not."""
    spam = posted(stage, MESSAGES)
    said = await stage.driver.say(f"!purge {MESSAGES}", user="mod", wait_s=20)
    others = posted(stage, 5)
    await stage.driver.fault("slow_rest", {"path": "*/bulk-delete", "delay_s": 0.5})
    await stage.driver.click(said["reply"]["id"], label="Delete", user="mod", wait_s=10)
    return spam, others


async def in_the_middle(stage: Stage, spam: set[int]) -> None:
    """Wait until one call is answered; the next one is on its way."""
    await until(lambda: len(left(stage, spam)) <= MESSAGES - 100, timeout_s=20)
    assert left(stage, spam), "the process was too quick for this test"


def status_of(bots: MortalBots) -> list[tuple[Any, ...]]:
    """Answer how the cases and the jobs went."""
    return bots.rows("SELECT status FROM cases") + bots.rows("SELECT status FROM jobs")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_purge_goes_on_in_the_next_process(bots: MortalBots, how: signal.Signals) -> None:
    """From where it was, in its message; what was agreed to is gone, and nothing else."""
    first, stage = await bots.begin(), bots.stage
    spam, others = await purging(stage)
    await in_the_middle(stage, spam)
    (message,) = shown(stage, "Purge")
    first.send_signal(how)
    await first.wait()
    await stage.driver.clear_faults()

    assert left(stage, spam)
    await bots.begin()
    told = await ended(stage, "Purge")

    assert f"Deleted {MESSAGES} of {MESSAGES} messages." in told
    assert [each.id for each in shown(stage, "Purge")] == [message.id]
    assert left(stage, spam | others) == others
    await until(lambda: status_of(bots) == [("done",), ("done",)])


async def test_cancel_works_in_the_next_process(bots: MortalBots) -> None:
    """The button of the message that the killed one posted; the case says how far it came."""
    first, stage = await bots.begin(), bots.stage
    spam, _ = await purging(stage)
    await in_the_middle(stage, spam)
    await bots.kill(first)
    await bots.begin()
    (message,) = shown(stage, "Purge")

    await stage.driver.click(str(message.id), label="Cancel", user="mod", wait_s=10)
    told = await ended(stage, "Purge", "🛑")

    assert "Deleted" not in told
    assert left(stage, spam)
    await until(lambda: status_of(bots) == [("done",), ("cancelled",)])
    ((note,),) = bots.rows("SELECT note FROM cases")
    assert note.startswith("cancelled: Deleted ")
    assert "more may be gone" in note or "Deleted 0" not in note


async def test_an_export_arrives_once(bots: MortalBots) -> None:
    """Killed while the file is on its way, the next process sends it again: it is recognised."""
    first, stage = await bots.begin(), bots.stage
    await stage.driver.say(f"!warn <@{stage.user_id('bob')}> rude", user="mod", wait_s=10)
    requested = (await stage.driver.stats())["rest"]["log_index"]
    await stage.driver.fault(
        "slow_rest", {"path": "/channels/*/messages", "method": "POST", "delay_s": 1.0}
    )
    await stage.driver.say("!export cases", user="owner")
    await until(lambda: bots.rows("SELECT status FROM jobs") == [("running",)])
    await stage.driver.wait_for_rest(after=requested, path="/users/@me/channels", timeout_s=10)
    while not (await stage.driver.stats())["rest"]["in_flight"]:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.02)
    await bots.kill(first)
    await stage.driver.clear_faults()

    await bots.begin()
    await ended(stage, "Export of cases")

    (file,) = sent_files(stage)
    assert json.loads(file)["rows"][0]["reason"] == "rude"
    await until(lambda: status_of(bots) == [("done",), ("done",)])


def sent_files(stage: Stage) -> list[bytes]:
    """Answer the files in direct messages."""
    return [
        stage.backend.cdn.get(attachment["url"])
        for channel_id, held in stage.backend.messages.items()
        if stage.backend.channels[channel_id].guild_id is None
        for message in held.values()
        for attachment in message.attachments
    ]


async def test_a_job_that_was_done_is_not_told_of_as_cancelled(bots: MortalBots) -> None:
    """Killed after it was noted, before anybody was told: the next process tells it."""
    first, stage = await bots.begin(), bots.stage
    await stage.driver.fault(
        "slow_rest", {"path": "/channels/*/messages/*", "method": "PATCH", "delay_s": 20}
    )
    await stage.driver.say("!export cases", user="owner")
    done = "SELECT count(*) FROM jobs WHERE status = 'done' AND finished_at IS NULL"
    await until(lambda: bots.rows(done) == [(1,)], timeout_s=20)
    await bots.kill(first)
    await stage.driver.clear_faults()

    await bots.begin()

    assert "sent to" in await ended(stage, "Export of cases")
    assert len(sent_files(stage)) == 1


async def test_two_processes_do_not_work_on_one_job(bots: MortalBots) -> None:
    """A leader that stepped down for a deploy lives on for a while; the new one has the job."""
    first, stage = await bots.begin(), bots.stage
    spare = await bots.begin_spare()
    spam, others = await purging(stage)
    await in_the_middle(stage, spam)
    first.send_signal(signal.SIGUSR2)
    await bots.leads(spare)

    told = await ended(stage, "Purge")

    assert first.returncode is None
    assert f"of {MESSAGES} messages." in told
    assert left(stage, spam | others) == others
    await until(lambda: status_of(bots) == [("done",), ("done",)])
    given_up = ("left", "taken")  # by the one that stepped down, of itself or by the row's word
    assert sum(bots.logged().count(f'background_job.{how}"') for how in given_up) == 1
