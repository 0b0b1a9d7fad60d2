"""The tags plugin: texts that members write once and call by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.tags.cog import Tags

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Add the cog; called by discord.py."""
    bot.services.storage.preload("bot.plugins.tags.store")
    await bot.add_cog(Tags(bot))
