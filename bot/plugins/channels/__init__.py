"""The channels plugin: purge, slowmode, lock and unlock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.channels.locks import Locks
from bot.plugins.channels.purge import Purges
from bot.plugins.channels.slowmode import Slowmode

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    for cog in (Purges(bot), Slowmode(bot), Locks(bot)):
        await bot.add_cog(cog)
