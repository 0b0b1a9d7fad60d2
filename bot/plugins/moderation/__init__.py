"""The moderation plugin: bans, kicks, timeouts, warnings, nicknames, roles, and their cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.moderation.bans import Bans
from bot.plugins.moderation.members import Members
from bot.plugins.moderation.records import Records

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    bot.services.storage.preload("bot.moderation.store")
    for cog in (Bans(bot), Members(bot), Records(bot)):
        await bot.add_cog(cog)
