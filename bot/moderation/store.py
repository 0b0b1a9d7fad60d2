"""The table of cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.moderation.case import ENDS, Case, Chosen, NewCase, Status
from bot.storage.models import CaseRow
from bot.storage.storage import Storage
from bot.storage.turns import take_turn

# Makes the timer of a case, in the case's own transaction; answers its id.
Schedule = Callable[[AsyncSession, CaseRow, str], Awaitable[int]]


class CaseStore:
    """Rows of cases as `Case`; each method is one transaction."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def open(self, new: NewCase, now: datetime, schedule: Schedule) -> Case:
        """Answer the case of *new*: a new row, or the one that its origin has already.

        One that failed is pending again.
        """

        async def work(session: AsyncSession) -> Case:
            await take_turn(session, new.guild_id)
            found = await _of_origin(session, new)
            if found is not None:
                return _case(await _reopened(session, found, new, schedule), again=True)
            numbers = select(func.max(CaseRow.number)).where(CaseRow.guild_id == new.guild_id)
            row = CaseRow(
                guild_id=new.guild_id,
                number=((await session.execute(numbers)).scalar_one() or 0) + 1,
                action=new.action,
                target_id=new.target_id,
                moderator_id=new.moderator_id,
                reason=new.reason,
                status="pending",
                origin=new.origin,
                extra=dict(new.extra),
                created_at=now,
                expires_at=new.expires_at,
            )
            session.add(row)
            await session.flush()
            await _set_timer(session, row, new, schedule)
            return _case(row)

        return await self._storage.write(work)

    async def finish(self, case: Case, now: datetime, note: str | None) -> tuple[Case, list[int]]:
        """Note that it was done; answers the case, and the timers of those that it ended."""

        async def work(session: AsyncSession) -> tuple[Case, list[int]]:
            row = await session.get_one(CaseRow, case.id)
            if row.action == "warn" and row.status != "done":
                # In turn: of two that are given at a time, each is another number.
                await take_turn(session, row.guild_id)
                held = await _warnings_held(session, row, now)
                row.extra = {**row.extra, "count": held + 1}
            row.status, row.finished_at, row.note, row.error = "done", now, note, None
            ended = await _end_earlier(session, row, now)
            return _case(row), ended

        return await self._storage.write(work)

    async def fail(self, case: Case, now: datetime, error: str) -> Case:
        """Note that it was not done, and why."""
        return await self._change(case.id, status="failed", finished_at=now, error=error)

    async def set_reason(self, case_id: int, reason: str) -> Case:
        """Change why it was done."""
        return await self._change(case_id, reason=reason)

    async def set_logged(self, case_id: int, channel_id: int, message_id: int) -> Case:
        """Note where the log channel shows it."""
        return await self._change(case_id, log_channel_id=channel_id, log_message_id=message_id)

    async def end_all(self, guild_id: int, target_id: int, action: str, now: datetime) -> list[int]:
        """End all cases of one kind on a target; answers their timers."""

        async def work(session: AsyncSession) -> list[int]:
            held = _held(guild_id, target_id, (action,))
            timers = (await session.execute(select(CaseRow.timer_id).where(*held))).scalars().all()
            await session.execute(update(CaseRow).where(*held).values(ended_at=now))
            return [timer for timer in timers if timer is not None]

        return await self._storage.write(work)

    async def by_id(self, case_id: int) -> Case | None:
        """Answer a case by its row."""
        return await self._one(CaseRow.id == case_id)

    async def by_number(self, guild_id: int, number: int) -> Case | None:
        """Answer a case by what people call it."""
        return await self._one(CaseRow.guild_id == guild_id, CaseRow.number == number)

    async def of_origin(
        self, guild_id: int, action: str, target_id: int, origin: int
    ) -> Case | None:
        """Answer the case that a message or interaction has opened."""
        return await self._one(
            CaseRow.guild_id == guild_id,
            CaseRow.action == action,
            CaseRow.target_id == target_id,
            CaseRow.origin == origin,
        )

    async def newer(self, case: Case) -> list[Case]:
        """Answer what may hold the target of *case* in its place: the same, begun since."""
        return await self._many(
            CaseRow.guild_id == case.guild_id,
            CaseRow.target_id == case.target_id,
            CaseRow.action == case.action,
            CaseRow.number > case.number,
            CaseRow.status != "failed",
            CaseRow.ended_at.is_(None),
            limit=10,
        )

    async def unfinished(self, actions: Sequence[str], before: datetime) -> list[Case]:
        """Answer the cases that are pending since before *before*; of all guilds, newest first."""
        return await self._many(
            CaseRow.status == "pending",
            CaseRow.action.in_(actions),
            CaseRow.created_at < before,
            limit=500,
        )

    async def untold(self, since: datetime) -> list[Case]:
        """Answer what was done since *since* and is in no log channel; of all guilds.

        Only the newest rows are looked at: no index knows when cases were finished.
        """
        newest = select(func.max(CaseRow.id)).scalar_subquery()
        return await self._many(
            CaseRow.id > newest - 500,
            CaseRow.status == "done",
            CaseRow.finished_at >= since,
            CaseRow.log_message_id.is_(None),
            limit=500,
        )

    async def newest(self, guild_id: int, chosen: Chosen, limit: int) -> list[Case]:
        """Answer the newest cases that *chosen* lets through, newest first."""
        conditions: list[Any] = [CaseRow.guild_id == guild_id]
        for name in ("target_id", "moderator_id", "action"):
            value = getattr(chosen, name)
            if value is not None:
                conditions.append(getattr(CaseRow, name) == value)
        return await self._many(*conditions, limit=limit)

    async def _change(self, case_id: int, **fields: Any) -> Case:
        async def work(session: AsyncSession) -> Case:
            row = await session.get_one(CaseRow, case_id)
            for name, value in fields.items():
                setattr(row, name, value)
            return _case(row)

        return await self._storage.write(work)

    async def _one(self, *conditions: Any) -> Case | None:
        found = await self._many(*conditions, limit=1)
        return found[0] if found else None

    async def _many(self, *conditions: Any, limit: int) -> list[Case]:
        asked = select(CaseRow).where(*conditions).order_by(CaseRow.number.desc()).limit(limit)

        async def work(session: AsyncSession) -> list[Case]:
            return [_case(row) for row in (await session.execute(asked)).scalars()]

        return await self._storage.read(work)


async def _of_origin(session: AsyncSession, new: NewCase) -> CaseRow | None:
    if new.origin is None:
        return None
    asked = select(CaseRow).where(
        CaseRow.guild_id == new.guild_id,
        CaseRow.origin == new.origin,
        CaseRow.target_id == new.target_id,
        CaseRow.action == new.action,
    )
    return (await session.execute(asked)).scalar_one_or_none()


async def _reopened(
    session: AsyncSession, row: CaseRow, new: NewCase, schedule: Schedule
) -> CaseRow:
    if row.status == "failed":  # and its timer is cancelled
        row.status, row.finished_at, row.error = "pending", None, None
        await _set_timer(session, row, new, schedule)
    return row


async def _set_timer(session: AsyncSession, row: CaseRow, new: NewCase, schedule: Schedule) -> None:
    if new.ends is not None and row.expires_at is not None:
        row.timer_id = await schedule(session, row, new.ends)


async def _warnings_held(session: AsyncSession, row: CaseRow, now: datetime) -> int:
    asked = select(func.count(CaseRow.id)).where(
        *_held(row.guild_id, row.target_id, ("warn",)),
        or_(CaseRow.expires_at.is_(None), CaseRow.expires_at > now),
    )
    return (await session.execute(asked)).scalar_one()


async def _end_earlier(session: AsyncSession, row: CaseRow, now: datetime) -> list[int]:
    ended = ENDS.get(row.action, ())
    if not ended:
        return []
    earlier = [*_held(row.guild_id, row.target_id, ended), CaseRow.number < row.number]
    timers = (await session.execute(select(CaseRow.timer_id).where(*earlier))).scalars().all()
    await session.execute(update(CaseRow).where(*earlier).values(ended_at=now))
    return [timer for timer in timers if timer is not None]


def _held(guild_id: int, target_id: int, actions: Sequence[str]) -> list[Any]:
    return [
        CaseRow.guild_id == guild_id,
        CaseRow.target_id == target_id,
        CaseRow.action.in_(actions),
        CaseRow.status == "done",
        CaseRow.ended_at.is_(None),
    ]


def _case(row: CaseRow, *, again: bool = False) -> Case:
    extra: Mapping[str, Any] = dict(row.extra)
    return Case(
        id=row.id,
        number=row.number,
        guild_id=row.guild_id,
        action=row.action,
        target_id=row.target_id,
        moderator_id=row.moderator_id,
        reason=row.reason,
        status=cast(Status, row.status),
        created_at=row.created_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        ended_at=row.ended_at,
        note=row.note,
        error=row.error,
        origin=row.origin,
        extra=extra,
        log_channel_id=row.log_channel_id,
        log_message_id=row.log_message_id,
        timer_id=row.timer_id,
        again=again,
    )
