"""Cases of moderation, and channels that are locked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.models.base import Base, RowId


class CaseRow(Base):
    """One act of moderation, written before it is done.

    Attributes:
        number: Counts up within the guild; what people call the case.
        status: pending, done or failed.
        origin: Id of the message or interaction that asked for it; with the target and the action
            it is there once, however often the event is handled.
        expires_at: When a ban, lock or warning ends by itself.
        ended_at: When it did, or was taken back.
    """

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("guild_id", "number"),
        UniqueConstraint("guild_id", "origin", "target_id", "action"),
        Index("ix_cases_guild_id_target_id", "guild_id", "target_id"),
        Index("ix_cases_status", "status"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    guild_id: Mapped[int]
    number: Mapped[int]
    action: Mapped[str]
    target_id: Mapped[int]
    moderator_id: Mapped[int]
    reason: Mapped[str]
    status: Mapped[str]
    error: Mapped[str | None]
    note: Mapped[str | None]
    origin: Mapped[int | None]
    extra: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    log_channel_id: Mapped[int | None]
    log_message_id: Mapped[int | None]
    timer_id: Mapped[int | None]


class ChannelLock(Base):
    """A channel that was locked, with the overwrites that it had before.

    Attributes:
        overwrites: What to restore: a list of target id, type, allow, deny; null where there was
            none.
        unlocked_at: Null while the lock holds.
    """

    __tablename__ = "channel_locks"
    __table_args__ = (
        Index(
            "uq_channel_locks_held",
            "channel_id",
            unique=True,
            sqlite_where=text("unlocked_at IS NULL"),
            postgresql_where=text("unlocked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    guild_id: Mapped[int] = mapped_column(index=True)
    channel_id: Mapped[int]
    case_id: Mapped[int | None]
    moderator_id: Mapped[int]
    status: Mapped[str]
    overwrites: Mapped[list[Any]]
    applied: Mapped[list[Any]]
    locked_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    unlocked_at: Mapped[datetime | None]
    timer_id: Mapped[int | None]
