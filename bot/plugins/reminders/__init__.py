"""The reminders plugin: remind, list, edit, cancel, snooze, repeat, and a user's time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.reminders.cog import Reminders

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    await bot.add_cog(Reminders(bot))
