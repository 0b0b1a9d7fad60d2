"""Panels in the database; imports SQLAlchemy."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.plugins.panels.model import Design, PanelRecord
from bot.storage.models import Panel, PanelRole

if TYPE_CHECKING:
    from bot.plugins.panels.rules import Mode, Style
    from bot.storage.storage import Storage


class PanelStore:
    """Reads and writes panels."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(
        self, design: Design, *, guild_id: int, channel_id: int, origin: int, now: datetime
    ) -> PanelRecord:
        """Answer the panel that *origin* asked for, made now if it was not before."""

        async def work(session: AsyncSession) -> PanelRecord:
            found = await session.scalar(select(Panel).where(Panel.origin == origin))
            if found is None:
                found = Panel(
                    guild_id=guild_id, channel_id=channel_id, origin=origin, created_at=now
                )
                _describe(found, design)
                session.add(found)
                await session.flush()
                _offer(session, found.id, design.roles)
                await session.flush()
            return await _record(session, found)

        return await self._storage.write(work)

    async def change(self, panel_id: int, design: Design, *, now: datetime) -> PanelRecord | None:
        """Describe a panel anew; answers None when it is gone."""

        async def work(session: AsyncSession) -> PanelRecord | None:
            panel = await session.get(Panel, panel_id)
            if panel is None or panel.deleted_at is not None:
                return None
            _describe(panel, design)
            panel.updated_at = now
            await session.execute(delete(PanelRole).where(PanelRole.panel_id == panel_id))
            _offer(session, panel_id, design.roles)
            await session.flush()
            return await _record(session, panel)

        return await self._storage.write(work)

    async def posted(self, panel_id: int, *, channel_id: int, message_id: int) -> None:
        """Note where a panel's message is."""

        async def work(session: AsyncSession) -> None:
            panel = await session.get_one(Panel, panel_id)
            panel.channel_id, panel.message_id = channel_id, message_id

        await self._storage.write(work)

    async def remove(self, panel_id: int, *, now: datetime) -> None:
        """Keep a panel no longer."""

        async def work(session: AsyncSession) -> None:
            panel = await session.get_one(Panel, panel_id)
            panel.deleted_at = panel.deleted_at or now

        await self._storage.write(work)

    async def find(self, guild_id: int, panel_id: int) -> PanelRecord | None:
        """Answer one panel of a guild."""

        async def work(session: AsyncSession) -> PanelRecord | None:
            panel = await session.get(Panel, panel_id)
            if panel is None or panel.guild_id != guild_id or panel.deleted_at is not None:
                return None
            return await _record(session, panel)

        return await self._storage.read(work)

    async def of_guild(self, guild_id: int) -> list[PanelRecord]:
        """Answer a guild's panels, oldest first."""

        async def work(session: AsyncSession) -> list[PanelRecord]:
            kept = (Panel.guild_id == guild_id, Panel.deleted_at.is_(None))
            panels = await session.scalars(select(Panel).where(*kept).order_by(Panel.id))
            return [await _record(session, panel) for panel in panels.all()]

        return await self._storage.read(work)


def _describe(panel: Panel, design: Design) -> None:
    panel.title, panel.text = design.title, design.text
    panel.kind, panel.mode, panel.creator_id = design.style, design.mode, design.maker


def _offer(session: AsyncSession, panel_id: int, roles: tuple[int, ...]) -> None:
    for position, role_id in enumerate(roles):
        session.add(PanelRole(panel_id=panel_id, role_id=role_id, position=position))


async def _record(session: AsyncSession, panel: Panel) -> PanelRecord:
    roles: Any = await session.scalars(
        select(PanelRole.role_id).where(PanelRole.panel_id == panel.id).order_by(PanelRole.position)
    )
    return PanelRecord(
        id=panel.id,
        guild_id=panel.guild_id,
        channel_id=panel.channel_id,
        message_id=panel.message_id,
        design=Design(
            title=panel.title,
            text=panel.text,
            roles=tuple(roles.all()),
            style=cast("Style", panel.kind),
            mode=cast("Mode", panel.mode),
            maker=panel.creator_id,
        ),
    )
