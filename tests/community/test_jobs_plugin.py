"""What the owner sees of background jobs, and exports for members."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.community.stage import Stage, words_of
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("moderation", "jobs")


def sent_files(stage: Stage) -> list[Any]:
    """Answer the messages with files in any direct message channel."""
    return [
        message
        for channel_id, held in stage.backend.messages.items()
        if stage.backend.channels[channel_id].guild_id is None
        for message in held.values()
        if message.attachments
    ]


async def test_jobs_are_the_owners(stage: Stage) -> None:
    """Others are told so."""
    assert "There was none yet." in await stage.slash("jobs list", user="owner")
    shown = await stage.driver.say("!jobs", user="mod", wait_s=10)
    assert "Only the owner of this bot may do that." in words_of(shown["reply"])


async def test_a_job_that_there_never_was_is_explained(stage: Stage) -> None:
    """Whatever its number."""
    assert "is not known to me" in await stage.say("!jobs cancel 7", user="owner")
    assert "must be between" in await stage.say(f"!jobs cancel {10**30}", user="owner")


async def test_the_owner_makes_a_backup(stage: Stage) -> None:
    """It is a file in the state folder; with PostgreSQL it says what to do instead."""
    await stage.slash("jobs backup", user="owner")
    if stage.services.storage.dialect == "postgresql":
        await until(lambda: any("pg_dump" in each.content for each in stage.messages()))
        return
    await until(lambda: any("MiB." in each.content for each in stage.messages()), timeout_s=20)

    assert list((stage.state_dir / "backups").iterdir())
    assert "Backup: done" in await stage.slash("jobs list", user="owner")
    assert "is done already" in await stage.slash("jobs cancel", {"job": 1}, user="owner")


async def test_a_manager_gets_the_cases_as_a_file(stage: Stage) -> None:
    """By direct message, and nobody else can ask for it."""
    case = await stage.services.cases.open(
        guild_id=stage.guild.id, action="warn", target_id=5, moderator_id=6, reason="Rude ✂"
    )
    await stage.services.cases.finish(case)
    assert "manages the server" in await stage.slash("export", {"what": "cases"}, user="mod")

    await stage.slash("export", {"what": "cases"}, user="owner")
    await until(lambda: bool(sent_files(stage)), timeout_s=20)
    shown = await stage.driver.message(str(sent_files(stage)[0].id))
    document = json.loads(stage.backend.cdn.get(shown["attachments"][0]["url"]))
    assert (document["what"], document["total"], document["complete"]) == ("cases", 1, True)
    assert document["rows"][0]["reason"] == "Rude ✂"
