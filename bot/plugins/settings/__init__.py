"""What a server sets: channels, roles, texts, prefix, time zone, what warnings lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.settings.cog import Settings

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Add the command and its panel."""
    await bot.add_cog(Settings(bot))
