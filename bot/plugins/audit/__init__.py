"""The audit plugin: what changed in a guild, in its log channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.plugins.audit.choices import AuditChoices
from bot.plugins.audit.cog import Audit

if TYPE_CHECKING:
    from bot.client import Novera


async def setup(bot: Novera) -> None:
    """Add the cogs; called by discord.py."""
    await bot.add_cog(Audit(bot))
    await bot.add_cog(AuditChoices(bot))
