"""Tickets in the database; imports SQLAlchemy."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.plugins.tickets.model import Status, TicketRecord
from bot.storage.models import Ticket
from bot.storage.turns import take_turn

if TYPE_CHECKING:
    from bot.storage.storage import Storage

MAX_LISTED = 200


class TicketStore:
    """Reads and writes tickets."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(self, new: TicketRecord, *, max_open: int, now: datetime) -> TicketRecord | None:
        """Answer the ticket that was asked for, made now if it was not before.

        Its id and number are given here. None when its opener has *max_open* already.
        """

        async def work(session: AsyncSession) -> TicketRecord | None:
            await take_turn(session, new.guild_id)
            found = await session.scalar(select(Ticket).where(Ticket.origin == new.origin))
            if found is not None:
                return _record(found)
            here = Ticket.guild_id == new.guild_id
            own = (here, Ticket.opener_id == new.opener_id, Ticket.status != "closed")
            count = await session.scalar(select(func.count()).select_from(Ticket).where(*own))
            if (count or 0) >= max_open:
                return None
            newest = await session.scalar(select(func.max(Ticket.number)).where(here))
            row = Ticket(
                guild_id=new.guild_id,
                number=(newest or 0) + 1,
                channel_id=new.channel_id,
                opener_id=new.opener_id,
                origin=new.origin,
                subject=new.subject,
                text=new.text,
                status="opening",
                extra={},
                opened_at=now,
            )
            session.add(row)
            await session.flush()
            return _record(row)

        return await self._storage.write(work)

    async def change(self, ticket_id: int, **values: Any) -> TicketRecord:
        """Set columns; of ``extra`` what is given is added."""

        async def work(session: AsyncSession) -> TicketRecord:
            row = await session.get_one(Ticket, ticket_id, with_for_update=True)
            for name, value in values.items():
                setattr(row, name, {**row.extra, **value} if name == "extra" else value)
            return _record(row)

        return await self._storage.write(work)

    async def move(self, ticket_id: int, *old: Status, **values: Any) -> bool:
        """Set columns if the ticket's status is one of *old*; answers whether it was."""

        async def work(session: AsyncSession) -> bool:
            row = await session.get(Ticket, ticket_id, with_for_update=True)
            if row is None or row.status not in old:
                return False
            for name, value in values.items():
                setattr(row, name, value)
            return True

        return await self._storage.write(work)

    async def find(self, ticket_id: int) -> TicketRecord | None:
        """Answer one ticket."""
        found = await self._many(Ticket.id == ticket_id)
        return found[0] if found else None

    async def of_thread(self, thread_id: int) -> TicketRecord | None:
        """Answer the ticket of a thread."""
        found = await self._many(Ticket.thread_id == thread_id)
        return found[0] if found else None

    async def numbered(self, guild_id: int, number: int) -> TicketRecord | None:
        """Answer a guild's ticket by its number."""
        found = await self._many(Ticket.guild_id == guild_id, Ticket.number == number)
        return found[0] if found else None

    async def of_guild(
        self, guild_id: int, *, opener_id: int | None = None, closed: bool = False
    ) -> list[TicketRecord]:
        """Answer the newest tickets of a guild, newest first."""
        where = [Ticket.guild_id == guild_id]
        if opener_id is not None:
            where.append(Ticket.opener_id == opener_id)
        if not closed:
            where.append(Ticket.status != "closed")
        return await self._many(*where)

    async def unfinished(self) -> list[TicketRecord]:
        """Answer tickets whose opening or closing nobody has finished."""
        return await self._many(Ticket.status.in_(("opening", "closing")))

    async def _many(self, *where: Any) -> list[TicketRecord]:
        async def work(session: AsyncSession) -> list[TicketRecord]:
            newest = select(Ticket).where(*where).order_by(Ticket.id.desc()).limit(MAX_LISTED)
            return [_record(row) for row in (await session.scalars(newest)).all()]

        return await self._storage.read(work)


def _record(row: Ticket) -> TicketRecord:
    return TicketRecord(
        id=row.id,
        guild_id=row.guild_id,
        number=row.number,
        channel_id=row.channel_id,
        thread_id=row.thread_id,
        opener_id=row.opener_id,
        closer_id=row.closer_id,
        origin=row.origin or 0,
        subject=row.subject,
        text=row.text or "",
        status=cast("Status", row.status),
        extra=dict(row.extra),
    )
