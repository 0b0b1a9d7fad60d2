"""Nobody is pinged by what somebody wrote: every command is fed with mentions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
import pytest
from discord import app_commands
from pydantic import SecretStr

from docs import generate_commands
from tests.community.stage import Stage
from tests.integration.serving import until

PLUGINS = tuple(name.rpartition(".")[2] for name in generate_commands.plugins())
# Refused before anything is sent.
WEATHER = {"weather_url": SecretStr("http://127.0.0.1:9/{place}"), "outbound_networks": ()}
CHANNELS = 12  # a channel takes five answers in five seconds


class Pings:
    """What the bot's messages ring, as Discord worked it out from text and allowed mentions.

    Attributes:
        said: How many of its messages held a mention as text.
    """

    def __init__(self, stage: Stage) -> None:
        self.found: list[str] = []
        self.said, self._stage = 0, stage
        self._backend = stage.backend
        stage.backend.subscribers.append(self._on_event)

    def _on_event(self, event: str, data: Mapping[str, Any]) -> None:
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return
        message = self._backend.messages[int(data["channel_id"])][int(data["id"])]
        if message.author_id != self._backend.bot_user.id:
            return
        self.said += "@everyone" in f"{message.content}{message.embeds}"
        if message.mention_everyone or message.ping_user_ids or message.ping_role_ids:
            self.found.append(message.content)


def hostile(stage: Stage) -> str:
    """Answer a text that would ring everybody, a role and a user."""
    (role,) = (role for role in stage.guild.roles.values() if role.name == "Moderator")
    return f"@everyone <@&{role.id}> <@{stage.user_id('bob')}>"


def value_of(option: app_commands.Parameter, text: str) -> Any:
    """Answer something that *option* takes; *text* wherever it may be said."""
    if option.choices:
        return option.choices[0].value
    kinds = discord.AppCommandOptionType
    values: Mapping[discord.AppCommandOptionType, Any] = {
        kinds.string: text[: int(option.max_value or 6000)],
        kinds.integer: int(option.min_value or 1),
        kinds.number: float(option.min_value or 1),
        kinds.boolean: True,
        kinds.user: "alice",
        kinds.mentionable: "alice",
        kinds.channel: "room-0",
        kinds.role: "Moderator",
    }
    return values.get(option.type)


async def rooms(stage: Stage) -> list[str]:
    """Answer channels to speak in, in turn."""
    names = [f"room-{number}" for number in range(CHANNELS)]
    for name in names:
        await stage.driver.add_channel(name)
    return names


def takes_text(command: Any) -> bool:
    """Answer whether a user can write something of their own into *command*."""
    string = discord.AppCommandOptionType.string
    return isinstance(command, app_commands.Command) and any(
        each.type is string and not each.choices for each in command.parameters
    )


@pytest.mark.plugins(*PLUGINS, **WEATHER)
async def test_no_slash_command_rings_whom_its_user_names(stage: Stage) -> None:
    """Every command that takes text, with mentions in all of it, run by who may do everything."""
    names, pings, text = await rooms(stage), Pings(stage), hostile(stage)
    asked = [each for each in stage.bot.tree.walk_commands() if takes_text(each)]
    for number, command in enumerate(asked):
        assert isinstance(command, app_commands.Command)
        given = {
            option.display_name: value_of(option, text)
            for option in command.parameters
            if option.type is not discord.AppCommandOptionType.attachment
        }
        await stage.driver.slash(
            command.qualified_name,
            options=given,
            user="owner",
            channel=names[number % CHANNELS],
            wait_s=10,
        )

    assert len(asked) > 20
    assert pings.said > 0
    assert pings.found == []


@pytest.mark.plugins(*PLUGINS, **WEATHER)
async def test_no_text_command_rings_whom_its_user_names(stage: Stage) -> None:
    """Every command, with mentions after it; the errors that follow repeat them at most."""
    names, pings, text = await rooms(stage), Pings(stage), hostile(stage)
    asked = [
        each.qualified_name
        for each in stage.bot.walk_commands()
        if each.qualified_name not in ("shutdown", "restart")
    ]
    for number, name in enumerate(sorted(asked)):
        await stage.driver.say(f"!{name} {text}", user="owner", channel=names[number % CHANNELS])
    figures = stage.services.commands
    await until(
        lambda: figures.snapshot().invoked > 0 and stage.bot.pipeline.snapshot().under_way == 0
    )
    await stage.say(f"!ping {text}", user="owner")

    assert pings.said > 0
    assert pings.found == []
