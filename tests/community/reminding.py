"""What tests of reminders ask: their rows, their messages, and time that has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.models import ReminderRow, TimerRow
from tests.community.stage import Stage


async def fall_due(stage: Stage, late_s: float = 0.0) -> None:
    """Let every pending timer be due, as if the time had passed."""
    at = datetime.now(UTC) - timedelta(seconds=late_s)

    async def work(session: AsyncSession) -> None:
        rows = (
            (
                await session.execute(
                    update(TimerRow)
                    .where(TimerRow.state == "pending")
                    .values(due_at=at, next_try_at=at)
                    .returning(TimerRow.ref)
                )
            )
            .scalars()
            .all()
        )
        await session.execute(update(ReminderRow).where(ReminderRow.id.in_(rows)).values(due_at=at))

    await stage.services.storage.write(work)
    stage.services.timers.wake()


async def row(stage: Stage, reminder_id: int = 1) -> Any:
    """Answer a reminder as the database has it."""

    async def work(session: AsyncSession) -> Any:
        return await session.get(ReminderRow, reminder_id)

    return await stage.services.storage.read(work)


async def written(stage: Stage, is_so: Callable[[Any], bool], reminder_id: int = 1) -> Any:
    """Wait until a reminder's row is as *is_so* says; answers it."""
    for _ in range(300):
        if is_so(found := await row(stage, reminder_id)):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError({name: value for name, value in vars(found).items() if name[0] != "_"})


def reminding(stage: Stage, channel: str = "general") -> list[Any]:
    """Answer the bot's messages that remind."""
    return [m for m in stage.messages(channel) if m.content.startswith("⏰ <@")]
