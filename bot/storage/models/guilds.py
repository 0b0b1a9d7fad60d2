"""What a guild and a user have set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.models.base import Base


class GuildRow(Base):
    """The settings of one guild; a column that is null has its default."""

    __tablename__ = "guilds"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    log_channel_id: Mapped[int | None]
    welcome_channel_id: Mapped[int | None]
    welcome_text: Mapped[str | None]
    leave_text: Mapped[str | None]
    autorole_id: Mapped[int | None]
    ticket_role_id: Mapped[int | None]
    prefix: Mapped[str | None]
    timezone: Mapped[str | None]
    warn_thresholds: Mapped[list[Any] | None]
    automod: Mapped[dict[str, Any] | None]
    audit_ignored: Mapped[list[Any] | None]
    autorole_bots: Mapped[bool | None]
    updated_at: Mapped[datetime | None]


class UserRow(Base):
    """What a user has set for all guilds."""

    __tablename__ = "users"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    timezone: Mapped[str | None]
    updated_at: Mapped[datetime | None]
