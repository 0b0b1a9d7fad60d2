"""One transaction of a guild at a time, where a number is looked up and then used."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def take_turn(session: AsyncSession, guild_id: int) -> None:
    """Wait until no other transaction of this guild has its turn; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(guild_id)))
