"""What the bot is built with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.client import build, intents_of, owners_of
from bot.settings import OWN_PLUGINS, BotSettings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BotSettings:
    """Answer the default settings, whatever the environment holds."""
    monkeypatch.chdir(tmp_path)
    for name in BotSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return BotSettings()


@pytest.mark.parametrize(
    ("privileged", "members"),
    [
        pytest.param(("message_content",), False, id="content-only"),
        pytest.param(("members", "presences"), True, id="members"),
        pytest.param((), False, id="none"),
    ],
)
def test_only_the_intents_that_were_switched_on_are_asked_for(
    privileged: tuple[str, ...], members: bool
) -> None:
    """Discord refuses a connection that asks for one that is off."""
    intents = intents_of(privileged)

    assert intents.members is members
    assert intents.message_content is ("message_content" in privileged)
    assert intents.presences is ("presences" in privileged)


def test_the_bot_is_built_outside_a_loop(settings: BotSettings) -> None:
    """It is made before the loop runs, so that importing it blocks no heartbeat."""
    client = build(settings)

    assert client.plugins.configured == tuple(f"bot.plugins.{name}" for name in OWN_PLUGINS)
    assert client.plugins.loaded == ()


def test_nobody_is_notified_unless_a_plugin_insists(settings: BotSettings) -> None:
    """Neither everyone nor a role, whatever a message says."""
    mentions = build(settings).allowed_mentions

    assert mentions is not None
    assert (mentions.everyone, mentions.roles) == (False, False)


def test_a_plugin_named_twice_is_loaded_once(settings: BotSettings) -> None:
    """The second time would be an error that nobody wants to read."""
    client = build(settings.model_copy(update={"plugins": ("moons", "moons")}))

    assert client.plugins.configured == ("moons",)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        pytest.param("general", "bot.plugins.general", id="short"),
        pytest.param("bot.plugins.admin", "bot.plugins.admin", id="full"),
        pytest.param("moons", "moons", id="unknown"),
        pytest.param("a.general", "a.general", id="dotted-stays"),
    ],
)
def test_a_plugin_is_found_by_the_last_part_of_its_name(
    settings: BotSettings, name: str, full: str
) -> None:
    """The owner need not type the package."""
    assert build(settings).plugins.resolve(name) == full


def member(number: int, role: discord.TeamMemberRole) -> Any:
    """Answer a member of a team."""
    return SimpleNamespace(id=number, role=role)


@pytest.mark.parametrize(
    ("application", "owners"),
    [
        pytest.param(SimpleNamespace(team=None, owner=SimpleNamespace(id=7)), {7}, id="one-owner"),
        pytest.param(
            SimpleNamespace(
                owner=SimpleNamespace(id=1),
                team=SimpleNamespace(
                    owner_id=5,
                    members=[
                        member(2, discord.TeamMemberRole.admin),
                        member(3, discord.TeamMemberRole.developer),
                        member(4, discord.TeamMemberRole.read_only),
                    ],
                ),
            ),
            {2, 3, 5},
            id="team",
        ),
    ],
)
def test_owners_come_from_the_application(application: Any, owners: set[int]) -> None:
    """Who may only read a team's application owns nothing."""
    assert owners_of(application) == owners
