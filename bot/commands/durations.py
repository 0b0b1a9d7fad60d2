"""Durations as arguments of commands, slash and text alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.refusals import Refused
from bot.moments.durations import DurationError, parse_duration

if TYPE_CHECKING:
    Duration = timedelta  # what a command gets
else:

    class Duration(commands.Converter, app_commands.Transformer):
        """Annotation of an argument like `10m`, `1h30m` or `2 days`; the command gets a timedelta.

        A text command whose optional duration is followed by other words leaves what is no
        duration to them.
        """

        async def convert(self, ctx: commands.Context[Any], argument: str) -> timedelta:
            """Of a text command."""
            return _parsed(argument)

        async def transform(
            self, interaction: discord.Interaction[Any], value: str, /
        ) -> timedelta:
            """Of a slash command."""
            return _parsed(value)


def _parsed(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except DurationError as error:
        raise Refused(str(error)) from error
