"""A plugin for benchmarks: the message `hang` blocks the loop, soon after it was handled.

The message is handled by then: what hangs is the process, wherever its messages are handled.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import discord
    from discord.ext import commands

HANGS_AFTER_S = 0.3


async def hang(message: discord.Message) -> None:
    """Block the loop if *message* says so."""
    if message.content == "hang":
        asyncio.get_running_loop().call_later(HANGS_AFTER_S, time.sleep, 600)


async def setup(bot: commands.Bot) -> None:
    """Entry point of the extension."""
    bot.add_listener(hang, "on_message")
