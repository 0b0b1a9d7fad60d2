"""What happens later: timers, reminders, jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.models.base import Base, RowId


class TimerRow(Base):
    """Something that must happen at a time, whatever dies meanwhile.

    Attributes:
        state: pending, claimed, sent, failed or cancelled.
        failures: Attempts that raised, since the last one that did not.
        next_try_at: When it is due, or due again; what the scheduler looks for.
        claimed_by: The process's instance that has it in hand.
    """

    __tablename__ = "timers"
    __table_args__ = (
        Index("ix_timers_state_next_try_at", "state", "next_try_at", "id"),
        Index("ix_timers_kind_ref", "kind", "ref"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    kind: Mapped[str]
    guild_id: Mapped[int | None]
    channel_id: Mapped[int | None]
    user_id: Mapped[int | None]
    ref: Mapped[int | None]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    attempts: Mapped[int]
    failures: Mapped[int]
    due_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    claimed_by: Mapped[str | None]
    claimed_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ReminderRow(Base):
    """What a user wants to be reminded of.

    Attributes:
        state: pending, sent, failed or cancelled.
        repeat: The rule of repetition, null for once.
        origin: Id of the message or interaction that asked for it.
        told: Whether its user knows that it failed.
    """

    __tablename__ = "reminders"
    __table_args__ = (
        Index("ix_reminders_user_id_state", "user_id", "state"),
        Index("uq_reminders_origin", "origin", unique=True),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    user_id: Mapped[int]
    guild_id: Mapped[int | None]
    channel_id: Mapped[int]
    message_id: Mapped[int | None]
    origin: Mapped[int | None]
    text: Mapped[str]
    state: Mapped[str]
    due_at: Mapped[datetime]
    repeat: Mapped[str | None]
    timezone: Mapped[str | None]
    timer_id: Mapped[int | None]
    count: Mapped[int]
    told: Mapped[bool]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class JobRow(Base):
    """Long work that a user asked for.

    Attributes:
        status: queued, running, done, failed, cancelled or interrupted.
        checkpoint: What a process that takes over needs in order to go on.
        instance: The process that runs it.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_status", "status"),
        Index("ix_jobs_guild_id", "guild_id"),
        Index("uq_jobs_origin_kind", "origin", "kind", unique=True),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    guild_id: Mapped[int | None]
    channel_id: Mapped[int | None]
    message_id: Mapped[int | None]
    user_id: Mapped[int]
    origin: Mapped[int | None]
    priority: Mapped[int]
    args: Mapped[dict[str, Any]]
    checkpoint: Mapped[dict[str, Any]]
    status: Mapped[str]
    done: Mapped[int]
    total: Mapped[int | None]
    note: Mapped[str | None]
    error: Mapped[str | None]
    instance: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
