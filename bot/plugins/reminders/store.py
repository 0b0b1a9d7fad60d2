"""Reminders in the database; each change and its timer are one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.moments.timezones import DEFAULT
from bot.plugins.reminders.model import KIND, MAX_OPEN, NewReminder, Reminder
from bot.storage.models import ReminderRow, TimerRow, UserRow

if TYPE_CHECKING:
    from bot.services import Services


_UNTOLD = (ReminderRow.state == "failed") & ReminderRow.told.is_(False)


class TooManyError(Exception):
    """The user has as many open reminders as one may have."""


class ReminderStore:
    """All questions about reminders."""

    def __init__(self, services: Services) -> None:
        self._storage, self._timers = services.storage, services.timers

    async def create(self, new: NewReminder, now: datetime) -> Reminder:
        """Keep a reminder; answers the one that the same origin has made, if there is one.

        Raises:
            TooManyError: the user has too many.
        """

        async def work(session: AsyncSession) -> Reminder:
            asked = select(ReminderRow).where(ReminderRow.origin == new.origin)
            found = (await session.execute(asked)).scalar_one_or_none()
            if found is not None:
                return _reminder(found)
            mine = select(func.count()).where(
                ReminderRow.user_id == new.user_id, ReminderRow.state == "pending"
            )
            if (await session.execute(mine)).scalar_one() >= MAX_OPEN:
                raise TooManyError
            row = ReminderRow(
                user_id=new.user_id,
                guild_id=new.guild_id,
                channel_id=new.channel_id,
                message_id=new.message_id,
                origin=new.origin,
                text=new.text,
                state="pending",
                due_at=new.due_at,
                repeat=new.repeat,
                timezone=new.timezone,
                count=0,
                told=False,
                created_at=now,
            )
            session.add(row)
            await session.flush()
            await self._schedule(session, row)
            return _reminder(row)

        try:
            return await self._storage.write(work)
        except IntegrityError:  # of two presses at once the other one was first
            return await self._storage.write(work)

    async def due(self, reminder_id: int, timer_id: int) -> Reminder | None:
        """Answer the reminder that a timer is about; None if that timer is no longer the one."""

        async def work(session: AsyncSession) -> Reminder | None:
            row = await session.get(ReminderRow, reminder_id)
            if row is None or row.state != "pending" or row.timer_id != timer_id:
                return None
            return _reminder(row)

        return await self._storage.read(work)

    async def finish(
        self,
        reminder_id: int,
        timer_id: int,
        *,
        state: str,
        now: datetime,
        next_at: datetime | None,
    ) -> None:
        """Note that a timer's reminder was *state*; with *next_at* it is pending again."""

        async def work(session: AsyncSession) -> None:
            row = await session.get(ReminderRow, reminder_id)
            if row is None or row.state != "pending" or row.timer_id != timer_id:
                return  # cancelled, changed, or written by an attempt before
            row.count += 1
            if next_at is not None:
                row.due_at = next_at
                await self._schedule(session, row)
            else:
                row.state, row.finished_at = state, now

        await self._storage.write(work)

    async def get(self, reminder_id: int) -> Reminder | None:
        """Answer a reminder, in whatever state."""

        async def work(session: AsyncSession) -> Reminder | None:
            row = await session.get(ReminderRow, reminder_id)
            return None if row is None else _reminder(row)

        return await self._storage.read(work)

    async def open_of(self, user_id: int) -> Sequence[Reminder]:
        """Answer the open reminders of a user, the next one first."""

        async def work(session: AsyncSession) -> list[Reminder]:
            asked = (
                select(ReminderRow)
                .where(ReminderRow.user_id == user_id, ReminderRow.state == "pending")
                .order_by(ReminderRow.due_at, ReminderRow.id)
            )
            return [_reminder(row) for row in (await session.execute(asked)).scalars()]

        return await self._storage.read(work)

    async def cancel(self, reminder_id: int, user_id: int, now: datetime) -> Reminder | None:
        """Let a reminder not happen; None when the user has no such open reminder."""

        async def work(session: AsyncSession) -> Reminder | None:
            row = await _open(session, reminder_id, user_id)
            if row is None:
                return None
            row.state, row.finished_at = "cancelled", now
            if row.timer_id is not None:
                await self._timers.cancel(row.timer_id, session=session)
            return _reminder(row)

        return await self._storage.write(work)

    async def edit(
        self,
        reminder_id: int,
        user_id: int,
        *,
        due_at: datetime | None,
        timezone: str,
        text: str | None,
        repeat: str | None,
    ) -> Reminder | None:
        """Change what is given; None when the user has no such open reminder.

        Args:
            timezone: Of *due_at*.
        """

        async def work(session: AsyncSession) -> Reminder | None:
            row = await _open(session, reminder_id, user_id)
            if row is None:
                return None
            if text is not None:
                row.text = text
            if repeat is not None:
                row.repeat = repeat
            if due_at is not None:
                row.timezone = timezone
            if due_at is not None and due_at != row.due_at:
                row.due_at = due_at
                if row.timer_id is not None:
                    await self._timers.cancel(row.timer_id, session=session)
                await self._schedule(session, row)
            return _reminder(row)

        return await self._storage.write(work)

    async def users_to_tell(self, now: datetime) -> set[int]:
        """Answer who has a failed reminder and does not know.

        One whose timer was given up, after errors of all kinds for hours, has failed as well.
        """

        async def work(session: AsyncSession) -> set[int]:
            given_up = select(TimerRow.id).where(TimerRow.state == "failed", TimerRow.kind == KIND)
            await session.execute(
                update(ReminderRow)
                .where(ReminderRow.state == "pending", ReminderRow.timer_id.in_(given_up))
                .values(state="failed", finished_at=now)
            )
            asked = select(ReminderRow.user_id).where(_UNTOLD)
            return set((await session.execute(asked)).scalars())

        return await self._storage.write(work)

    async def untold(self, user_id: int) -> Sequence[Reminder]:
        """Answer the failed reminders of a user who does not know."""

        async def work(session: AsyncSession) -> list[Reminder]:
            asked = (
                select(ReminderRow)
                .where(ReminderRow.user_id == user_id, _UNTOLD)
                .order_by(ReminderRow.due_at)
            )
            return [_reminder(row) for row in (await session.execute(asked)).scalars()]

        return await self._storage.read(work)

    async def note_told(self, reminders: Sequence[Reminder]) -> None:
        """Note that the user knows of these."""

        async def work(session: AsyncSession) -> None:
            ids = [each.id for each in reminders]
            await session.execute(
                update(ReminderRow).where(ReminderRow.id.in_(ids)).values(told=True)
            )

        await self._storage.write(work)

    async def timezone_of(self, user_id: int) -> str | None:
        """Answer the time zone that a user has set."""

        async def work(session: AsyncSession) -> str | None:
            row = await session.get(UserRow, user_id)
            return None if row is None else row.timezone

        return await self._storage.read(work)

    async def set_timezone(self, user_id: int, timezone: str, now: datetime) -> None:
        """Keep a user's time zone."""

        async def work(session: AsyncSession) -> None:
            await session.merge(UserRow(user_id=user_id, timezone=timezone, updated_at=now))

        await self._storage.write(work)

    async def _schedule(self, session: AsyncSession, row: ReminderRow) -> None:
        row.timer_id = await self._timers.schedule(
            KIND,
            due_at=row.due_at,
            guild_id=row.guild_id,
            channel_id=row.channel_id,
            user_id=row.user_id,
            ref=row.id,
            session=session,
        )


async def _open(session: AsyncSession, reminder_id: int, user_id: int) -> ReminderRow | None:
    row = await session.get(ReminderRow, reminder_id)
    if row is None or row.user_id != user_id or row.state != "pending":
        return None
    return row


def _reminder(row: ReminderRow) -> Reminder:
    return Reminder(
        id=row.id,
        user_id=row.user_id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        message_id=row.message_id,
        text=row.text,
        state=row.state,
        due_at=row.due_at,
        repeat=row.repeat,
        timezone=row.timezone or DEFAULT,
        timer_id=row.timer_id,
        count=row.count,
    )
