"""The panels plugin: messages on which members give themselves roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.panels.cog import Panels

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    bot.services.storage.preload("bot.plugins.panels.store")
    await bot.add_cog(Panels(bot))
