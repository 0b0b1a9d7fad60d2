"""Settings of guilds in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.guilds.model import NAMES, GuildSettings, ids_of, thresholds_document, thresholds_of
from bot.storage.models import GuildRow

_PLAIN = NAMES - {"warn_thresholds", "automod", "audit_ignored", "autorole_bots"}


async def find(session: AsyncSession, guild_id: int) -> GuildSettings | None:
    """Answer the settings of a guild, None when it has set nothing."""
    row = await session.get(GuildRow, guild_id)
    if row is None:
        return None
    return GuildSettings(
        guild_id=guild_id,
        warn_thresholds=thresholds_of(row.warn_thresholds),
        automod=row.automod if isinstance(row.automod, dict) else {},
        audit_ignored=ids_of(row.audit_ignored),
        autorole_bots=bool(row.autorole_bots),
        **{name: getattr(row, name) for name in _PLAIN},
    )


async def keep(session: AsyncSession, settings: GuildSettings, now: datetime) -> None:
    """Write all settings of a guild."""
    await session.merge(
        GuildRow(
            guild_id=settings.guild_id,
            warn_thresholds=thresholds_document(settings.warn_thresholds),
            automod=dict(settings.automod),
            audit_ignored=list(settings.audit_ignored),
            autorole_bots=settings.autorole_bots,
            updated_at=now,
            **{name: getattr(settings, name) for name in _PLAIN},
        )
    )
