"""The stage itself: people, the bot, and its database."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.community.stage import Stage


async def test_the_bot_serves_a_community(stage: Stage) -> None:
    """A member is answered."""
    assert await stage.say("!ping hello", user="alice") == "pong hello"


async def test_the_bot_has_a_database(stage: Stage) -> None:
    """It opens at the first question, with all its tables."""

    async def count(session: AsyncSession) -> int:
        return int((await session.execute(text("SELECT count(*) FROM cases"))).scalar_one())

    assert await stage.services.storage.read(count) == 0
    assert stage.services.storage.health.state == "ready"
