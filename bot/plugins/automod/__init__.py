"""The automod plugin: rules for messages and joins, which each server switches on for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.automod.cog import Automod
from bot.plugins.automod.screening import Screening
from bot.plugins.automod.watch import AutomodWatch

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    screening = Screening(bot)
    await bot.add_cog(AutomodWatch(bot, screening))
    await bot.add_cog(Automod(bot, screening))
