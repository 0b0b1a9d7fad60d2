"""`/settings` as moderators and members meet it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.guilds.model import NAMES, GuildSettings, WarnThreshold
from bot.plugins.automod.config import Config, decode
from bot.plugins.settings.panel import sections
from tests.community.stage import Stage, serving, simulated, words_of
from tests.integration.serving import until

pytestmark = pytest.mark.plugins("settings")


async def set_now(stage: Stage) -> GuildSettings:
    """Answer what the guild has set."""
    return await stage.services.guilds.of(stage.guild.id)


async def opened(stage: Stage, user: str = "owner") -> str:
    """Open the panel; answers the id of its message."""
    shown = await stage.driver.slash("settings show", user=user, wait_s=10)
    return str(shown["response"]["id"])


async def turned(stage: Stage, panel: str, section: str, user: str = "owner") -> None:
    """Turn the panel to another section."""
    custom_id = f"settings:turn:{stage.user_id(user)}"
    await stage.driver.select(panel, [section], custom_id=custom_id, user=user, wait_s=10)


async def chosen(
    stage: Stage, panel: str, control: str, values: list[str], user: str = "owner"
) -> dict[str, Any]:
    """Choose in a menu, such as ``general:log_channel_id``; answers what the driver saw."""
    custom_id = f"settings:{control}:{stage.user_id('owner')}"
    answer = await stage.driver.select(panel, values, custom_id=custom_id, user=user, wait_s=10)
    return dict(answer)


async def text_of(stage: Stage, panel: str) -> str:
    """Answer all words of the panel as it is now."""
    message = next(each for each in _all_messages(stage) if str(each.id) == panel)
    (embed,) = message.embeds
    return "\n".join(f"{field['name']}: {field['value']}" for field in embed["fields"])


def _all_messages(stage: Stage) -> list[Any]:
    return [each for channel in stage.backend.messages.values() for each in channel.values()]


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

    await chosen(stage, panel, "general:log_channel_id", ["general"])
    await chosen(stage, panel, "general:ticket_role_id", ["Moderator"])
    await turned(stage, panel, "arrivals")
    await chosen(stage, panel, "arrivals:welcome_channel_id", ["general"])
    await chosen(stage, panel, "arrivals:autorole_id", ["Newcomer"])
    settings = await set_now(stage)
    await turned(stage, panel, "general")
    await chosen(stage, panel, "general:log_channel_id", [])

    assert (settings.log_channel_id, settings.welcome_channel_id) == (general, general)
    assert settings.autorole_id == role.id
    assert settings.ticket_role_id is not None
    assert (await set_now(stage)).log_channel_id is None


@pytest.mark.parametrize(
    ("section", "label", "text", "name", "value"),
    [
        pytest.param(
            "arrivals", "Leave text", "Bye {user}!", "leave_text", "Bye {user}!", id="text"
        ),
        pytest.param("general", "Prefix", " ? ", "prefix", "?", id="prefix"),
        pytest.param("general", "Time zone", "berlin", "timezone", "Europe/Berlin", id="zone"),
        pytest.param(
            "general",
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
    stage: Stage, section: str, label: str, text: str, name: str, value: object
) -> None:
    """And show it in the panel."""
    panel = await opened(stage)
    await turned(stage, panel, section)

    await filled(stage, panel, label, text)

    assert getattr(await set_now(stage), name) == value


async def test_a_template_that_is_wrong_is_told_and_given_back(stage: Stage) -> None:
    """The writer sees why, and what was written, and nothing is set."""
    panel = await opened(stage)
    await turned(stage, panel, "arrivals")

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
            await chosen(stage, panel, "general:log_channel_id", ["general"])
            settings = await set_now(stage)

    assert settings.timezone == "Asia/Tokyo"
    assert settings.log_channel_id is not None


async def test_a_panel_is_its_owners(stage: Stage) -> None:
    """Somebody else's press changes nothing, nor does the owner's after losing the right."""
    stage.backend.create_role(stage.guild.id, "Manager", permissions=0x20)
    shown = await stage.driver.say("!settings", user="owner", wait_s=10)
    panel = shown["reply"]["id"]

    answer = await chosen(stage, panel, "general:log_channel_id", ["general"], user="alice")

    assert "somebody else's" in words_of(answer["response"])
    assert (await set_now(stage)).log_channel_id is None


async def test_a_log_channel_must_show_embeds(stage: Stage) -> None:
    """What happens is shown as embeds: without them nothing would be seen there."""
    backend, guild = stage.backend, stage.guild
    for role_id in guild.members[backend.bot_user.id].role_ids:
        backend.edit_role(guild.id, role_id, {"permissions": 0x400 | 0x800})
    everyone = guild.roles[guild.id]
    backend.edit_role(guild.id, guild.id, {"permissions": everyone.permissions & ~0x4000})
    own = stage.bot.guilds[0].me
    await until(lambda: not own.guild_permissions.embed_links)

    told = await stage.say("!settings set log_channel #general", user="owner")
    welcome = await stage.say("!settings set welcome_channel #general", user="owner")

    assert "may not embed links" in told
    assert "is set" in welcome
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


@pytest.mark.plugins("settings", "automod")
async def test_every_setting_of_a_server_is_in_the_panel(stage: Stage) -> None:
    """Shown, and with a control, or a section of its own."""
    settings, parts = await set_now(stage), sections(stage.bot)

    controls = {control.key for part in parts.values() for control in part.controls(settings)}

    assert NAMES - controls - parts.keys() == set()
    assert all(part.fields(settings) for part in parts.values())


async def test_channels_are_left_out_of_the_audit_log(stage: Stage) -> None:
    """Those that are gone are forgotten with the next choice; what the menu can't hold is kept."""
    panel = await opened(stage)
    general = stage.world.channel("general").id
    many = [stage.backend.create_channel(stage.guild.id, f"place{n}").id for n in range(30)]
    await until(lambda: stage.bot.get_channel(many[-1]) is not None)
    await stage.services.guilds.change(stage.guild.id, audit_ignored=(1234567890123456, *many))
    await turned(stage, panel, "general")
    before = await text_of(stage, panel)

    await chosen(stage, panel, "general:audit_ignored", ["general"])

    assert "a channel that is gone (`1234567890123456`)" in before
    assert (await set_now(stage)).audit_ignored == (general, *many[25:])


async def test_bots_get_the_role_too_or_not(stage: Stage) -> None:
    """The button sets what it says, also when it is pressed twice."""
    panel = await opened(stage)
    await turned(stage, panel, "arrivals")
    owner = stage.user_id("owner")

    for _ in range(2):
        custom_id = f"settings:arrivals:autorole_bots=on:{owner}"
        message = next(each for each in _all_messages(stage) if str(each.id) == panel)
        shown = message.components
        await stage.driver.click(panel, custom_id=custom_id, user="owner", wait_s=10)
        message.components = shown  # as somebody else still sees it
    switched_on = (await set_now(stage)).autorole_bots
    await stage.say("!settings set autorole_bots maybe", user="owner")
    told = await stage.say("!settings set autorole_bots no", user="owner")

    assert switched_on
    assert "Autorole bots is set." in told
    assert not (await set_now(stage)).autorole_bots


async def test_left_out_channels_in_words(stage: Stage) -> None:
    """Several at once, and none."""
    general = stage.world.channel("general").id
    assert "is set" in await stage.slash(
        "settings set", {"name": "audit_ignored", "value": f"<#{general}>"}, user="owner"
    )
    assert (await set_now(stage)).audit_ignored == (general,)
    assert "mention them" in await stage.say("!settings set audit_ignored x #y", user="owner")
    assert "not set any more" in await stage.say("!settings reset audit_ignored", user="owner")
    assert (await set_now(stage)).audit_ignored == ()


@pytest.mark.plugins("settings", "automod")
async def test_automod_is_set_in_the_panel(stage: Stage) -> None:
    """Rules, whom they spare, what they do, words and domains."""
    panel = await opened(stage)
    await turned(stage, panel, "automod")
    owner = stage.user_id("owner")

    refused = await chosen(stage, panel, "automod:rules", ["words"])
    await filled(stage, panel, "Words", "bad\n*worse*\n b\u0430d ")
    await filled(stage, panel, "Domains", "allow example.com\ndeny https://Evil.example/x")
    wrong = await filled(stage, panel, "What rules do", "burst count 9\nburst count many")
    await filled(stage, panel, "What rules do", "timeout minutes 5\nwords actions delete, warn")
    await chosen(stage, panel, "automod:rules", ["words", "invites"])
    await chosen(stage, panel, "automod:exempt_roles", ["Moderator"])
    await chosen(stage, panel, "automod:exempt_channels", ["general"])
    custom_id = f"settings:automod:dry_run=on:{owner}"
    await stage.driver.click(panel, custom_id=custom_id, user="owner", wait_s=10)

    config = decode((await set_now(stage)).automod)
    assert "no words yet" in words_of(refused["response"])
    assert "`burst count many`: `count` must be a whole number." in words_of(wrong["response"])
    assert (config.rules["words"].words, config.rules["words"].parts) == (("b\u0430d",), ("worse",))
    assert config.rules["words"].actions == ("delete", "warn")
    assert (config.rules["links"].allow, config.rules["links"].deny) == (
        ("example.com",),
        ("evil.example",),
    )
    assert [name for name, rule in config.rules.items() if rule.enabled] == ["invites", "words"]
    assert config.rules["burst"].count == Config().rules["burst"].count
    assert (config.timeout_s, config.dry_run) == (300, True)
    assert config.exempt_channels == (stage.world.channel("general").id,)
    assert len(config.exempt_roles) == 1
    assert "invites, words (dry run" in await text_of(stage, panel)


@pytest.mark.plugins("settings", "automod")
async def test_a_section_that_is_not_loaded_says_so(stage: Stage) -> None:
    """Its controls stay in panels that are open."""
    panel = await opened(stage)
    await turned(stage, panel, "automod")
    await stage.bot.unload_extension("bot.plugins.automod")

    told = await chosen(stage, panel, "automod:rules", ["invites"])

    assert "not there at the moment" in words_of(told["response"])
    await turned(stage, panel, "automod")  # which shows the first one then
    await chosen(stage, panel, "general:log_channel_id", ["general"])
    assert (await set_now(stage)).log_channel_id is not None
