"""The general plugin: ping, help, status, about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.general.cog import General

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    await bot.add_cog(General(bot))
