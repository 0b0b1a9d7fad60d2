"""`/settings` as moderators and members meet it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.guilds.model import GuildSettings, WarnThreshold
from tests.community.stage import Stage, serving, simulated, words_of

pytestmark = pytest.mark.plugins("settings")


async def set_now(stage: Stage) -> GuildSettings:
    """Answer what the guild has set."""
    return await stage.services.guilds.of(stage.guild.id)


async def opened(stage: Stage, user: str = "owner") -> str:
    """Open the panel; answers the id of its message."""
    shown = await stage.driver.slash("settings show", user=user, wait_s=10)
    return str(shown["response"]["id"])


async def chosen(
    stage: Stage, panel: str, name: str, values: list[str], user: str = "owner"
) -> dict[str, Any]:
    """Choose in a menu of the panel; answers what the driver saw."""
    custom_id = f"settings:{name}:{stage.user_id('owner')}"
    answer = await stage.driver.select(panel, values, custom_id=custom_id, user=user, wait_s=10)
    return dict(answer)


async def filled(stage: Stage, panel: str, label: str, text: str) -> dict[str, Any]:
    """Press a button of the panel and send its form; answers what the driver saw."""
    pressed = await stage.driver.click(panel, label=label, user="owner", wait_s=10)
    answer = await stage.driver.submit_modal(pressed["id"], {"text": text}, wait_s=10)
    return dict(answer)


async def test_menus_set_channels_and_roles(stage: Stage) -> None:
    """What is chosen is set, shown, and taken away by choosing nothing."""
    backend = stage.backend
    role = backend.create_role(stage.guild.id, "Newcomer")
    panel = await opened(stage)
    general = stage.world.channel("general").id

    await chosen(stage, panel, "log_channel_id", ["general"])
    await chosen(stage, panel, "welcome_channel_id", ["general"])
    await chosen(stage, panel, "autorole_id", ["Newcomer"])
    await chosen(stage, panel, "ticket_role_id", ["Moderator"])
    settings = await set_now(stage)
    await chosen(stage, panel, "log_channel_id", [])

    assert (settings.log_channel_id, settings.welcome_channel_id) == (general, general)
    assert settings.autorole_id == role.id
    assert settings.ticket_role_id is not None
    assert (await set_now(stage)).log_channel_id is None


@pytest.mark.parametrize(
    ("label", "text", "name", "value"),
    [
        pytest.param("Welcome text", "Hi {mention}!", "welcome_text", "Hi {mention}!", id="text"),
        pytest.param("Prefix", " ? ", "prefix", "?", id="prefix"),
        pytest.param("Time zone", "berlin", "timezone", "Europe/Berlin", id="zone"),
        pytest.param(
            "Warnings",
            "3 timeout 1h\n5 kick",
            "warn_thresholds",
            (
                WarnThreshold(count=3, action="timeout", duration_s=3600),
                WarnThreshold(count=5, action="kick"),
            ),
            id="warnings",
        ),
    ],
)
async def test_forms_set_what_is_written(
    stage: Stage, label: str, text: str, name: str, value: object
) -> None:
    """And show it in the panel."""
    panel = await opened(stage)

    await filled(stage, panel, label, text)

    assert getattr(await set_now(stage), name) == value


async def test_a_template_that_is_wrong_is_told_and_given_back(stage: Stage) -> None:
    """The writer sees why, and what was written, and nothing is set."""
    panel = await opened(stage)

    answer = await filled(stage, panel, "Welcome text", "Hi {name}, be nice")

    told = words_of(answer["response"])
    assert "`{name}` at character 4 is none of" in told
    assert "Hi {name}, be nice" in told
    assert (await set_now(stage)).welcome_text is None


async def test_a_panel_works_in_the_next_life_of_the_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Nothing but its custom ids is needed; a stranger is refused as before."""
    async with simulated(tmp_path) as stage:
        async with serving(stage, monkeypatch, ("settings",), database_url=database_url):
            panel = await opened(stage)
        async with serving(stage, monkeypatch, ("settings",), database_url=database_url):
            await filled(stage, panel, "Time zone", "Asia/Tokyo")
            await chosen(stage, panel, "log_channel_id", ["general"])
            settings = await set_now(stage)

    assert settings.timezone == "Asia/Tokyo"
    assert settings.log_channel_id is not None


async def test_a_panel_is_its_owners(stage: Stage) -> None:
    """Somebody else's press changes nothing, nor does the owner's after losing the right."""
    stage.backend.create_role(stage.guild.id, "Manager", permissions=0x20)
    shown = await stage.driver.say("!settings", user="owner", wait_s=10)
    panel = shown["reply"]["id"]

    answer = await chosen(stage, panel, "log_channel_id", ["general"], user="alice")

    assert "somebody else's" in words_of(answer["response"])
    assert (await set_now(stage)).log_channel_id is None


async def test_a_right_that_was_lost_counts_at_the_press(stage: Stage) -> None:
    """The panel stays, its owner may not use it any more."""
    backend, guild = stage.backend, stage.guild
    manager = backend.create_role(guild.id, "Manager", permissions=0x20)
    alice = stage.user_id("alice")
    backend.add_member_role(guild.id, alice, manager.id)
    shown = await stage.driver.say("!settings", user="alice", wait_s=10)
    backend.remove_member_role(guild.id, alice, manager.id)

    pressed = await stage.driver.click(
        shown["reply"]["id"], label="Prefix", user="alice", wait_s=10
    )

    assert "may manage the server" in words_of(pressed["response"])


async def test_settings_are_for_those_who_manage_the_server(stage: Stage) -> None:
    """Members are told why not."""
    assert "Manage Server" in await stage.say("!settings", user="alice")
    assert (await set_now(stage)).prefix is None


async def test_nobody_gets_a_role_given_that_is_above_their_own(stage: Stage) -> None:
    """Who manages the server, but not roles, can't use the autorole to rise."""
    backend, guild = stage.backend, stage.guild
    high = backend.create_role(guild.id, "High", permissions=0x8)
    manager = backend.create_role(guild.id, "Manager", permissions=0x20)
    backend.add_member_role(guild.id, stage.user_id("alice"), manager.id)

    told = await stage.say("!settings set autorole High", user="alice")

    assert "those who may manage roles" in told
    assert (await set_now(stage)).autorole_id != high.id


async def test_the_same_in_words(stage: Stage) -> None:
    """`!settings set prefix ?` holds from the next message on, and can be taken back."""
    assert "Prefix is set" in await stage.say("!settings set prefix ?", user="owner")
    assert await stage.say("?ping a", user="alice") == "pong a"
    assert "Log channel is set" in await stage.say(
        "?settings set log_channel #general", user="owner"
    )
    assert "not set any more" in await stage.say("?settings reset prefix", user="owner")
    assert await stage.say("!ping b", user="alice") == "pong b"


async def test_a_value_that_is_none_is_explained(stage: Stage) -> None:
    """With near misses, and by slash command too."""
    told = await stage.slash(
        "settings set", {"name": "timezone", "value": "Europe/Berln"}, user="owner"
    )

    assert "`Europe/Berlin`" in told
