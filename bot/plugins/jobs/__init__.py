"""The jobs plugin: background jobs for the owner, exports for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.jobs.cog import Jobs

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Entry point of the extension."""
    await bot.add_cog(Jobs(bot))
