"""Which permissions a user, or the bot, lacks where a command was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord.ext import commands

Asked = commands.Context[Any] | discord.Interaction[Any]

# In a channel this bit is "Manage Permissions": who has it there alone gives nobody a role.
GUILD_WIDE = frozenset({"manage_roles"})


def author_lacks(ctx: commands.Context[Any], needs: Sequence[str]) -> list[str]:
    """Answer those of *needs* that the author of a command does not have."""
    wide = ctx.author.guild_permissions if isinstance(ctx.author, discord.Member) else None
    return _lacking(needs, ctx.permissions, wide)


def bot_lacks(ctx: commands.Context[Any], needs: Sequence[str]) -> list[str]:
    """Answer those of *needs* that the bot does not have where a command was given."""
    return _lacking(needs, bots(ctx), None if ctx.guild is None else ctx.guild.me.guild_permissions)


def bots(asked: Asked) -> discord.Permissions:
    """Answer what the bot may do in the channel of *asked*.

    `Context.bot_permissions` adds, for a slash command, what its answer may do anywhere.
    """
    if isinstance(asked, discord.Interaction):
        return asked.app_permissions
    if asked.interaction is not None:
        return asked.interaction.app_permissions
    return asked.bot_permissions


def _lacking(
    needs: Sequence[str], here: discord.Permissions, wide: discord.Permissions | None
) -> list[str]:
    return [
        name
        for name in needs
        if not getattr(wide if wide is not None and name in GUILD_WIDE else here, name)
    ]
