"""Gathers what the preflight of ``/status`` judges: features, permissions, intents, roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.commands.permissions import bots
from bot.plugins.general.preflight import Feature, Standing

if TYPE_CHECKING:
    from bot.client import Novera

PRIVILEGED = ("members", "presences", "message_content")
CHANNEL = discord.Permissions.text() | discord.Permissions.general()
TALKING = ("view_channel", "send_messages", "embed_links")


def features(bot: Novera) -> list[Feature]:
    """Answer what the loaded plugins declare: commands by `bot_needs`, cogs by `features`."""
    found = [
        Feature(name="Text commands", needs=TALKING, intents=("message_content",)),
        *_of_cogs(bot),
    ]
    found += [
        Feature(name=f"`{command.qualified_name}`", needs=tuple(command.extras["bot_needs"]))
        for command in bot.walk_commands()
        if command.extras.get("bot_needs")
    ]
    return sorted(found, key=lambda each: each.name)


def _of_cogs(bot: Novera) -> Iterator[Feature]:
    for title, cog in bot.cogs.items():
        for name, needs in getattr(cog, "features", {}).items():
            yield Feature(name=name, needs=tuple(needs))
        if intents := tuple(getattr(cog, "intents", ())):
            yield Feature(name=title, intents=intents)


def standing(
    ctx: commands.Context[Novera], guild: discord.Guild, needed: Iterable[Feature]
) -> Standing:
    """Answer what the bot has in *guild*, and in the channel where it was asked.

    Permissions are looked up by the names that *needed* calls them: some have two.
    """
    names = {name for feature in needed for name in feature.needs}
    held = {name for name in names if getattr(guild.me.guild_permissions, name)}
    here = {name for name in names if getattr(bots(ctx), name)}
    top = guild.me.top_role
    others = [role for role in guild.roles if not role.is_default() and role != top]
    return Standing(
        held=frozenset(held),
        denied_here=frozenset(name for name in held - here if _is_of_channels(name)),
        intents=frozenset(name for name in PRIVILEGED if getattr(ctx.bot.intents, name)),
        top_role=top.name,
        roles_above=sum(role > top for role in others),
        roles=len(others),
    )


def _is_of_channels(name: str) -> bool:
    """A channel can take it away; voice permissions are no matter of a text channel."""
    return discord.Permissions(**{name: True}) <= CHANNEL
