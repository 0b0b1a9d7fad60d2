"""Locks in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from bot.plugins.channels.channel_lock import (
    Lock,
    Status,
    afters,
    as_status,
    befores,
    changes_of,
)
from bot.plugins.channels.overwrites import Change
from bot.storage.models.moderation import ChannelLock

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.moderation.case import Case
    from bot.storage.storage import Storage


class LockStore:
    """All questions about the table `channel_locks`; each may raise `StorageError`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def held(self, channel_id: int) -> Lock | None:
        """Answer the lock of a channel that holds, or is being made or ended."""

        async def work(session: AsyncSession) -> Lock | None:
            row = await _held(session, channel_id)
            return None if row is None else _lock(row)

        return await self._storage.read(work)

    async def of_case(self, case_id: int) -> Lock | None:
        """Answer the lock that a case made last, also one that is over."""

        async def work(session: AsyncSession) -> Lock | None:
            asked = select(ChannelLock).where(ChannelLock.case_id == case_id)
            row = await session.scalar(asked.order_by(ChannelLock.id.desc()).limit(1))
            return None if row is None else _lock(row)

        return await self._storage.read(work)

    async def add(self, case: Case, changes: Sequence[Change]) -> Lock:
        """Answer the lock of a case, which is yet to be carried out."""

        async def work(session: AsyncSession) -> Lock:
            row = await _held(session, case.target_id)
            if row is None:
                row = ChannelLock(
                    guild_id=case.guild_id,
                    channel_id=case.target_id,
                    case_id=case.id,
                    moderator_id=case.moderator_id,
                    status="locking",
                    overwrites=befores(changes),
                    applied=afters(changes),
                    locked_at=datetime.now(UTC),
                    expires_at=case.expires_at,
                    unlocked_at=None,
                    timer_id=case.timer_id,
                )
                session.add(row)
                await session.flush()
            return _lock(row)

        return await self._storage.write(work)

    async def move(self, lock: Lock, status: Status) -> None:
        """Note how far a lock is; one that is over holds no more."""
        over = status in ("unlocked", "failed")

        async def work(session: AsyncSession) -> None:
            change = update(ChannelLock).where(
                ChannelLock.id == lock.id, ChannelLock.unlocked_at.is_(None)
            )
            ended = datetime.now(UTC) if over else None
            await session.execute(change.values(status=status, unlocked_at=ended))

        await self._storage.write(work)


async def _held(session: AsyncSession, channel_id: int) -> ChannelLock | None:
    asked = select(ChannelLock).where(
        ChannelLock.channel_id == channel_id, ChannelLock.unlocked_at.is_(None)
    )
    return (await session.scalars(asked)).one_or_none()


def _lock(row: ChannelLock) -> Lock:
    return Lock(
        id=row.id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        case_id=row.case_id or 0,
        moderator_id=row.moderator_id,
        status=as_status(row.status),
        changes=changes_of(row.overwrites, row.applied),
        locked_at=row.locked_at,
        expires_at=row.expires_at,
    )
