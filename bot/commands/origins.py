"""The id of what asked for something: the same when the event is handled again."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands


def origin_of(asked: commands.Context[Any] | discord.Interaction[Any] | discord.Message) -> int:
    """Answer the id of the message or interaction that asked."""
    if isinstance(asked, commands.Context):
        return asked.message.id if asked.interaction is None else asked.interaction.id
    return asked.id
