"""The option ``delete_days``: a number in Discord's menu, a word that may be missing in text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

LOWEST, HIGHEST = 0, 7  # of Discord


class _DeleteDays(commands.Converter[int], app_commands.Transformer):
    """A `commands.Range` that may be missing is text in Discord's menu; this one is a number."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.integer

    @property
    def min_value(self) -> int:
        return LOWEST

    @property
    def max_value(self) -> int:
        return HIGHEST

    async def convert(self, ctx: commands.Context[Any], argument: str) -> int:
        """Answer the number.

        Raises:
            BadArgument: it is none, so that the word belongs to the reason.
        """
        if not (argument.isascii() and argument.isdigit() and len(argument) == 1):
            raise commands.BadArgument("That is no number of days.")
        if int(argument) > HIGHEST:
            raise commands.BadArgument(f"Discord deletes messages of at most {HIGHEST} days.")
        return int(argument)

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> int:
        """Answer the number; Discord has seen to its range."""
        return int(value)


if TYPE_CHECKING:
    DeleteDays = int
else:
    DeleteDays = app_commands.Transform[int, _DeleteDays]
