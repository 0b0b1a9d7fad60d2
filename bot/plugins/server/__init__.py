"""The server plugin: who comes and goes, what a server and its members are, polls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.server.arrivals import Arrivals
from bot.plugins.server.info import Info
from bot.plugins.server.polls import Polls

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Add the cogs; called by discord.py."""
    for cog in (Arrivals(bot), Info(bot), Polls(bot)):
        await bot.add_cog(cog)
