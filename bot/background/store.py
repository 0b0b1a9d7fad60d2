"""Jobs in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.exc import IntegrityError

from bot.background.entry import OPEN, Entry, Place, Status
from bot.storage.models.scheduled import JobRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.storage.storage import Storage

KEPT_FINISHED = 500  # jobs that are over and still listed
_FINISHED = JobRow.finished_at.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a job is made of."""

    kind: str
    title: str
    place: Place
    priority: int
    args: Mapping[str, Any]
    instance: str


class JobStore:
    """All questions about the table `jobs`; each may raise `StorageError`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(self, job: NewJob) -> tuple[Entry, bool]:
        """Answer the new job, or the one of the same origin and kind; and whether it is new."""

        async def work(session: AsyncSession) -> tuple[Entry, bool]:
            found = await _of_origin(session, job.kind, job.place.origin)
            if found is not None:
                return found, False
            row = _row(job)
            try:
                async with session.begin_nested():
                    session.add(row)
            except IntegrityError:  # the same event is being handled twice at this moment
                found = await _of_origin(session, job.kind, job.place.origin)
                if found is None:
                    raise
                return found, False
            return _entry(row), True

        return await self._storage.write(work)

    async def get(self, job_id: int) -> Entry | None:
        """Answer one job."""

        async def work(session: AsyncSession) -> Entry | None:
            row = await session.get(JobRow, job_id)
            return None if row is None else _entry(row)

        return await self._storage.read(work)

    async def of_origin(self, kind: str, origin: int) -> Entry | None:
        """Answer the job of a kind that a message or interaction began."""
        return await self._storage.read(partial(_of_origin, kind=kind, origin=origin))

    async def newest(self, limit: int, guild_id: int | None = None) -> Sequence[Entry]:
        """Answer the newest jobs, those of one guild or all; the newest first."""

        async def work(session: AsyncSession) -> Sequence[Entry]:
            asked = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
            if guild_id is not None:
                asked = asked.where(JobRow.guild_id == guild_id)
            return [_entry(row) for row in await session.scalars(asked)]

        return await self._storage.read(work)

    async def unsettled(self, kind: str | None = None) -> Sequence[Entry]:
        """Answer the jobs on which something is left to do, oldest first."""

        async def work(session: AsyncSession) -> Sequence[Entry]:
            asked = select(JobRow).where(JobRow.finished_at.is_(None)).order_by(JobRow.id)
            if kind is not None:
                asked = asked.where(JobRow.kind == kind)
            return [_entry(row) for row in await session.scalars(asked)]

        return await self._storage.read(work)

    async def take_over(self, entry: Entry, instance: str) -> bool:
        """Make a job of another process that of *instance*; answers whether nobody else did."""
        return await self._change(entry.id, {"instance": instance}, *_held(entry))

    async def begin(self, entry: Entry, now: datetime) -> bool:
        """Note that work begins; answers False for a job that was cancelled, or taken over."""
        values = {"status": "running", "started_at": now}
        return await self._change(entry.id, values, *_held(entry), JobRow.status.in_(OPEN))

    async def note(self, entry: Entry, **values: Any) -> bool:
        """Change columns of a job; answers False for one that is settled, or taken over."""
        return await self._change(entry.id, values, *_held(entry))

    async def end(
        self, entry: Entry, status: Status, *, note: str | None = None, error: str | None = None
    ) -> bool:
        """Note how a job ended, unless that is known, or it was taken over; answers whether so."""
        values: dict[str, Any] = {"status": status}
        values |= {"note": note} if note is not None else {}
        values |= {"error": error} if error is not None else {}
        return await self._change(entry.id, values, *_held(entry), JobRow.status.in_(OPEN))

    async def cancel(self, job_id: int) -> bool:
        """Note that a job is cancelled, whoever works on it; answers False if it had ended."""
        return await self._change(job_id, {"status": "cancelled"}, JobRow.status.in_(OPEN))

    async def settle(self, entry: Entry, now: datetime) -> None:
        """Note that nothing is left to do for a job, and forget the oldest ones."""

        async def work(session: AsyncSession) -> None:
            mine = update(JobRow).where(JobRow.id == entry.id, *_held(entry))
            await session.execute(mine.values(finished_at=now))
            kept = select(JobRow.id).where(_FINISHED).order_by(JobRow.id.desc())
            oldest = await session.scalar(kept.offset(KEPT_FINISHED).limit(1))
            if oldest is not None:
                await session.execute(delete(JobRow).where(_FINISHED, JobRow.id <= oldest))

        await self._storage.write(work)

    async def _change(self, job_id: int, values: Mapping[str, Any], *conditions: Any) -> bool:
        async def work(session: AsyncSession) -> bool:
            change = update(JobRow).where(JobRow.id == job_id, *conditions).values(**values)
            done = cast("CursorResult[Any]", await session.execute(change))
            return done.rowcount == 1

        return await self._storage.write(work)


def _held(entry: Entry) -> tuple[Any, ...]:
    """The process that had it when *entry* was read still has it, and there is something to do."""
    return (JobRow.instance == entry.instance, JobRow.finished_at.is_(None))


async def _of_origin(session: AsyncSession, kind: str, origin: int | None) -> Entry | None:
    if origin is None:
        return None
    asked = select(JobRow).where(JobRow.origin == origin, JobRow.kind == kind)
    row = (await session.scalars(asked)).one_or_none()
    return None if row is None else _entry(row)


def _row(job: NewJob) -> JobRow:
    return JobRow(
        kind=job.kind,
        title=job.title,
        guild_id=job.place.guild_id,
        channel_id=job.place.channel_id,
        user_id=job.place.user_id,
        origin=job.place.origin,
        message_id=None,
        priority=job.priority,
        args=dict(job.args),
        checkpoint={},
        status="queued",
        done=0,
        total=None,
        note=None,
        error=None,
        instance=job.instance,
        created_at=datetime.now(UTC),
        started_at=None,
        finished_at=None,
    )


def _entry(row: JobRow) -> Entry:
    return Entry(
        id=row.id,
        kind=row.kind,
        title=row.title,
        place=Place(
            guild_id=row.guild_id,
            channel_id=row.channel_id,
            user_id=row.user_id,
            origin=row.origin,
        ),
        message_id=row.message_id,
        priority=row.priority,
        args=row.args,
        checkpoint=row.checkpoint,
        status=cast("Status", row.status),
        done=row.done,
        total=row.total,
        note=row.note,
        error=row.error,
        instance=row.instance or "",
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
