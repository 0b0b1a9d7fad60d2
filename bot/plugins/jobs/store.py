"""What an export reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select

from bot.plugins.jobs.documents import MAX_ROWS
from bot.storage.models.community import Tag
from bot.storage.models.moderation import CaseRow
from bot.storage.models.scheduled import ReminderRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.storage.storage import Storage

# What is ours alone is left out: row ids, origins, timers.
_CASES = (
    ("number", CaseRow.number),
    ("action", CaseRow.action),
    ("target_id", CaseRow.target_id),
    ("moderator_id", CaseRow.moderator_id),
    ("reason", CaseRow.reason),
    ("status", CaseRow.status),
    ("error", CaseRow.error),
    ("note", CaseRow.note),
    ("created_at", CaseRow.created_at),
    ("expires_at", CaseRow.expires_at),
    ("ended_at", CaseRow.ended_at),
)
_TAGS = (
    ("name", Tag.name),
    ("content", Tag.content),
    ("owner_id", Tag.owner_id),
    ("uses", Tag.uses),
    ("created_at", Tag.created_at),
    ("updated_at", Tag.updated_at),
)
_REMINDERS = (
    ("text", ReminderRow.text),
    ("state", ReminderRow.state),
    ("due_at", ReminderRow.due_at),
    ("repeat", ReminderRow.repeat),
    ("channel_id", ReminderRow.channel_id),
    ("created_at", ReminderRow.created_at),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Rows, the newest first, and how many there are in all."""

    rows: Sequence[dict[str, Any]]
    total: int


async def exported(storage: Storage, what: str, *, guild_id: int, user_id: int) -> Exported:
    """Answer the newest rows of a guild; of reminders those of one user alone.

    Raises:
        StorageError: the database did not answer.
    """

    async def work(session: AsyncSession) -> Exported:
        names, asked, order = _question(what, guild_id, user_id)
        total = await session.scalar(select(func.count()).select_from(asked.subquery()))
        rows = await session.execute(asked.order_by(order.desc()).limit(MAX_ROWS))
        return Exported(
            rows=[dict(zip(names, row, strict=True)) for row in rows], total=int(total or 0)
        )

    return await storage.read(work)


def _question(what: str, guild_id: int, user_id: int) -> tuple[Sequence[str], Select[Any], Any]:
    columns: Sequence[tuple[str, Any]]
    if what == "cases":
        columns, order = _CASES, CaseRow.id
        where = [CaseRow.guild_id == guild_id]
    elif what == "tags":
        columns, order = _TAGS, Tag.id
        where = [Tag.guild_id == guild_id]
    else:
        columns, order = _REMINDERS, ReminderRow.id
        where = [ReminderRow.guild_id == guild_id, ReminderRow.user_id == user_id]
    asked: Any = select(*(column for _, column in columns)).where(*where)
    return [name for name, _ in columns], asked, order
