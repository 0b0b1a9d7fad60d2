"""The tables; importing this imports SQLAlchemy, which the first second has no time for."""

from bot.storage.models.base import Base, RowId, Snowflake, UtcDateTime
from bot.storage.models.community import Panel, PanelRole, Tag, Ticket
from bot.storage.models.guilds import GuildRow, UserRow
from bot.storage.models.moderation import CaseRow, ChannelLock
from bot.storage.models.scheduled import JobRow, ReminderRow, TimerRow

__all__ = [
    "Base",
    "CaseRow",
    "ChannelLock",
    "GuildRow",
    "JobRow",
    "Panel",
    "PanelRole",
    "ReminderRow",
    "RowId",
    "Snowflake",
    "Tag",
    "Ticket",
    "TimerRow",
    "UserRow",
    "UtcDateTime",
]
