"""The tickets plugin: a button opens a private thread with the staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.tickets.cog import Tickets

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    bot.services.storage.preload("bot.plugins.tickets.store")
    await bot.add_cog(Tickets(bot))
