"""What a guild sets is kept, and known at once in the next life of the bot."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.guilds.model import GuildSettings, WarnThreshold
from tests.community.stage import Stage, serving, simulated


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
