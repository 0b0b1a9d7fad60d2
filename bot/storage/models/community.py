"""Panels of self-roles, tags and tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.models.base import Base, RowId


class Panel(Base):
    """A message on which members give themselves roles."""

    __tablename__ = "panels"
    __table_args__ = (Index("uq_panels_origin", "origin", unique=True),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    guild_id: Mapped[int] = mapped_column(index=True)
    channel_id: Mapped[int]
    message_id: Mapped[int | None]
    origin: Mapped[int | None]
    kind: Mapped[str]
    mode: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    creator_id: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class PanelRole(Base):
    """A role that a panel offers."""

    __tablename__ = "panel_roles"
    __table_args__ = (UniqueConstraint("panel_id", "role_id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    panel_id: Mapped[int] = mapped_column(ForeignKey("panels.id", ondelete="CASCADE"))
    role_id: Mapped[int]
    position: Mapped[int]
    label: Mapped[str | None]
    emoji: Mapped[str | None]


class Tag(Base):
    """A text that members call by name; *key* is the name as it is compared."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("guild_id", "key"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    guild_id: Mapped[int]
    key: Mapped[str]
    name: Mapped[str]
    content: Mapped[str]
    owner_id: Mapped[int]
    uses: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]


class Ticket(Base):
    """A private thread between a member and the staff.

    Attributes:
        status: opening, open, closing or closed.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("guild_id", "number"),
        Index("uq_tickets_origin", "origin", unique=True),
        Index("ix_tickets_guild_id_opener_id", "guild_id", "opener_id"),
        Index("ix_tickets_thread_id", "thread_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    guild_id: Mapped[int]
    number: Mapped[int]
    channel_id: Mapped[int]
    thread_id: Mapped[int | None]
    opener_id: Mapped[int]
    closer_id: Mapped[int | None]
    origin: Mapped[int | None]
    subject: Mapped[str]
    text: Mapped[str | None]
    status: Mapped[str]
    extra: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
