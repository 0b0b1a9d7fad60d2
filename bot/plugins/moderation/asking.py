"""What the commands of moderation share: the guild, and a moderator who presses a button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.ext import commands

from bot.commands.refusals import Refused
from bot.views import confirm

Context = commands.Context[Any]


def guild_of(ctx: Context) -> discord.Guild:
    """Answer the guild of a command that is for guilds only."""
    if ctx.guild is None:
        raise commands.NoPrivateMessage
    return ctx.guild


async def confirmed(
    ctx: Context,
    question: str,
    *,
    yes: str,
    needs: str,
    do: Callable[[discord.abc.Snowflake], Awaitable[str]],
) -> None:
    """Ask, and when the moderator agrees say what *do* answers in place of the question.

    Args:
        needs: The permission that they need then, as they did when they were asked.
        do: Gets the moderator as they are then.
    """

    async def run(interaction: discord.Interaction[Any]) -> None:
        if not getattr(interaction.permissions, needs):
            raise Refused("You may not do that any more.")
        told = await do(interaction.user)
        await interaction.edit_original_response(content=told, view=None)

    await confirm.ask(ctx, question, yes=yes, run=run)
