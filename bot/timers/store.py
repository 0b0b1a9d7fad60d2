"""Timers in the database: what the thread does with its own engine, and what the loop does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.engine import WRITES
from bot.storage.models import TimerRow
from bot.timers.timer import Ended, Timer

# All that a database can raise at a thread.
FAILURES = (SQLAlchemyError, OSError)
OPEN = ("pending", "claimed")
_T = TimerRow.__table__.c


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTimer:
    """A timer to be kept."""

    kind: str
    due_at: datetime
    guild_id: int | None
    channel_id: int | None
    user_id: int | None
    ref: int | None
    payload: Mapping[str, Any]
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one look at the database brought.

    Attributes:
        claimed: Those that are due, in the order of their times.
        next_at: When the next one is due that was not claimed; None without any.
    """

    claimed: tuple[Timer, ...]
    next_at: datetime | None


class TimerStore:
    """The thread's half: transactions of its own, none longer than a batch.

    Everything here may be done again after a failure of which nobody knows whether it was kept.
    """

    def __init__(self, engine: Engine, *, instance: str) -> None:
        self._engine = engine.execution_options(**{WRITES: True})
        self._reading = engine
        self._instance = instance

    def recall(self, in_hand: Collection[int]) -> int:
        """Make pending again what is claimed, but for what this process has *in_hand*."""
        claimed = select(_T.id, _T.claimed_by).where(_T.state == "claimed")
        with self._engine.begin() as connection:
            lost = [
                timer_id
                for timer_id, owner in connection.execute(claimed)
                if owner != self._instance or timer_id not in in_hand
            ]
            _release(connection, lost)
        return len(lost)

    def round(
        self, ended: Sequence[Ended], *, kinds: Collection[str], room: int, now: datetime
    ) -> Round:
        """Write what *ended*, and claim up to *room* timers that are due; in one transaction."""
        if not ended and not self._has_due(kinds, now):
            return Round(claimed=(), next_at=self._next_at(kinds))
        with self._engine.begin() as connection:
            for each in ended:
                self._write(connection, each, now)
            claimed = self._claim(connection, kinds, room, now) if room > 0 else ()
        return Round(claimed=claimed, next_at=self._next_at(kinds))

    def forget(self, before: datetime) -> None:
        """Delete what happened, failed or was cancelled before that time."""
        with self._engine.begin() as connection:
            connection.execute(delete(TimerRow).where(_T.finished_at < before))

    def release(self, timer_ids: Collection[int]) -> None:
        """Give back what was claimed and is not begun."""
        with self._engine.begin() as connection:
            _release(connection, list(timer_ids), _T.claimed_by == self._instance)

    def _has_due(self, kinds: Collection[str], now: datetime) -> bool:
        next_at = self._next_at(kinds)
        return next_at is not None and next_at <= now

    def _next_at(self, kinds: Collection[str]) -> datetime | None:
        asked = select(func.min(_T.next_try_at, type_=_T.next_try_at.type)).where(
            _T.state == "pending", _T.kind.in_(kinds)
        )
        with self._reading.connect() as connection:
            found: datetime | None = connection.execute(asked).scalar()
        return found

    def _write(self, connection: Connection, ended: Ended, now: datetime) -> None:
        """What was cancelled or put off meanwhile is not ours to write any more."""
        timer, ending = ended.timer, ended.ending
        values: dict[str, Any] = {
            "state": ending.state,
            "attempts": ending.attempts,
            "failures": ending.failures,
            "error": ending.error,
            "claimed_by": None,
        }
        if ending.next_try_at is not None:
            values["next_try_at"] = ending.next_try_at
        else:
            values["finished_at"] = now
        connection.execute(
            update(TimerRow)
            .where(
                _T.id == timer.id,
                _T.state == "claimed",
                _T.claimed_by == self._instance,
                _T.due_at == timer.due_at,
            )
            .values(values)
        )

    def _claim(
        self, connection: Connection, kinds: Collection[str], room: int, now: datetime
    ) -> tuple[Timer, ...]:
        due = (
            select(_T.id)
            .where(_T.state == "pending", _T.kind.in_(kinds), _T.next_try_at <= now)
            .order_by(_T.next_try_at, _T.id)
            .limit(room)
        )
        rows = connection.execute(
            update(TimerRow)
            .where(_T.id.in_(due), _T.state == "pending")
            .values(state="claimed", claimed_by=self._instance, claimed_at=now)
            .returning(*_T)
        ).all()
        ordered = sorted(rows, key=lambda row: (row.next_try_at, row.id))
        return tuple(_timer(row, now) for row in ordered)


def _timer(row: Any, now: datetime) -> Timer:
    return Timer(
        id=row.id,
        kind=row.kind,
        due_at=row.due_at,
        attempts=row.attempts,
        failures=row.failures,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        user_id=row.user_id,
        ref=row.ref,
        payload=row.payload,
        late_s=max(0.0, (now - row.due_at) / timedelta(seconds=1)),
    )


def _release(
    connection: Connection, timer_ids: Sequence[int], *conditions: ColumnElement[bool]
) -> None:
    for start in range(0, len(timer_ids), 500):  # SQLite takes so many values and no more
        connection.execute(
            update(TimerRow)
            .where(_T.id.in_(timer_ids[start : start + 500]), _T.state == "claimed", *conditions)
            .values(state="pending", claimed_by=None)
        )


async def add(session: AsyncSession, new: NewTimer, now: datetime) -> int:
    """Keep a timer; answers its id, or that of the one that was to be kept *once*."""
    if new.once:
        same = (_T.kind == new.kind, _T.ref == new.ref)
        found = await session.scalar(select(_T.id).where(*same).order_by(_T.id).limit(1))
        if found is not None:
            return int(found)
    row = TimerRow(
        kind=new.kind,
        guild_id=new.guild_id,
        channel_id=new.channel_id,
        user_id=new.user_id,
        ref=new.ref,
        payload=dict(new.payload),
        state="pending",
        attempts=0,
        failures=0,
        due_at=new.due_at,
        next_try_at=new.due_at,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    return row.id


async def cancel(session: AsyncSession, timer_id: int, now: datetime) -> bool:
    """End a timer that has not happened; answers whether there was one."""
    asked = (
        update(TimerRow)
        .where(_T.id == timer_id, _T.state.in_(OPEN))
        .values(state="cancelled", claimed_by=None, finished_at=now)
        .returning(_T.id)
    )
    return (await session.execute(asked)).first() is not None


async def reschedule(session: AsyncSession, timer_id: int, due_at: datetime) -> bool:
    """Give a timer that has not happened another time; answers whether there was one."""
    fresh = {"state": "pending", "attempts": 0, "failures": 0, "claimed_by": None}
    asked = (
        update(TimerRow)
        .where(_T.id == timer_id, _T.state.in_(OPEN))
        .values(due_at=due_at, next_try_at=due_at, **fresh)
        .returning(_T.id)
    )
    return (await session.execute(asked)).first() is not None
