"""What a guild sets is kept, and known at once in the next life of the bot."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.guilds import store
from bot.guilds.model import GuildSettings, WarnThreshold
from bot.storage.errors import StorageError
from bot.storage.models import GuildRow
from tests.community.stage import Stage, serving, simulated
from tests.integration.serving import until


async def test_a_guild_has_defaults(stage: Stage) -> None:
    """Nothing is set before somebody sets it."""
    assert await stage.services.guilds.of(1) == GuildSettings(guild_id=1)


async def test_what_is_changed_is_heard_of(stage: Stage) -> None:
    """Whoever listens gets the settings as they are now."""
    heard: list[GuildSettings] = []
    stop = stage.services.guilds.on_change(heard.append)

    changed = await stage.services.guilds.change(1, timezone="Europe/Berlin")
    stop()
    await stage.services.guilds.change(1, timezone=None)

    assert heard == [changed]
    assert changed.timezone == "Europe/Berlin"


async def test_an_unknown_setting_is_refused(stage: Stage) -> None:
    """A name that is mistyped is no setting."""
    with pytest.raises(ValueError, match="no setting 'colour'"):
        await stage.services.guilds.change(1, colour="red")


async def test_settings_outlive_the_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The next life finds all of them, and answers to the prefix at once."""
    thresholds = (WarnThreshold(count=3, action="timeout", duration_s=3600),)
    async with simulated(tmp_path) as stage:
        guild_id = stage.guild.id
        async with serving(stage, monkeypatch, database_url=database_url):
            before = await stage.services.guilds.change(
                guild_id, prefix="?", warn_thresholds=thresholds, automod={"dry_run": True}
            )
            assert await stage.say("?ping a", user="alice") == "pong a"
        async with serving(stage, monkeypatch, database_url=database_url):
            assert stage.services.guilds.prefix_of(guild_id) == "?"
            assert await stage.say("?ping b", user="alice") == "pong b"
            assert await stage.services.guilds.of(guild_id) == before


async def test_a_lost_database_is_not_asked_at_each_message(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guild that talks finds the settings some seconds after the database is back."""
    guilds, asked = stage.services.guilds, []
    await stage.services.storage.opened()

    async def lost(*_: object) -> object:
        asked.append(1)
        raise StorageError("it", "lost")

    monkeypatch.setattr(store, "AGAIN_S", 1.0)
    with monkeypatch.context() as patched:
        patched.setattr(stage.services.storage, "read", lost)
        assert guilds.known(77) is None
        await until(lambda: bool(asked))
        for _ in range(20):
            assert guilds.known(77) is None
            await asyncio.sleep(0.001)
    times = len(asked)
    await until(lambda: guilds.known(77) is not None)

    assert times == 1


async def test_a_process_that_leads_again_knows_what_another_one_changed(stage: Stage) -> None:
    """What was known before is asked anew."""
    guilds = stage.services.guilds
    await guilds.change(77, timezone="UTC", prefix="?")

    async def work(session: AsyncSession) -> None:
        await session.execute(update(GuildRow).values(timezone="Europe/Berlin"))

    await stage.services.storage.write(work)
    stage.services.pause()
    stage.services.begin()

    assert (await guilds.of(77)).timezone == "Europe/Berlin"
    assert guilds.prefix_of(77) == "?"


async def test_who_is_cancelled_in_a_change_leaves_what_the_database_has(stage: Stage) -> None:
    """The transaction ends all the same; what is in memory must not be older."""
    guilds = stage.services.guilds
    await guilds.change(77, timezone="UTC")
    asked = asyncio.ensure_future(guilds.change(77, timezone="Europe/Berlin"))
    while not stage.services.storage._transactions:  # noqa: ASYNC110 - the very next turn
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait({asked})
    found = (await guilds.of(77)).timezone
    guilds.forget()

    assert asked.cancelled()
    assert found == (await guilds.of(77)).timezone
