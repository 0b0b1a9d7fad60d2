"""Tags in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.plugins.tags.naming import (
    MAX_TAGS,
    TagInfo,
    TagRuleError,
    check_room,
    key_of,
    like_pattern,
)
from bot.storage.models import Tag
from bot.storage.turns import take_turn

if TYPE_CHECKING:
    from bot.storage.storage import Storage


class TagStore:
    """Every method raises `StorageError` when the database does not answer."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def find(self, guild_id: int, name: str) -> TagInfo | None:
        """Answer the tag of that name."""

        async def work(session: AsyncSession) -> TagInfo | None:
            return _info(await _row(session, guild_id, name))

        return await self._storage.read(work)

    async def create(self, guild_id: int, name: str, content: str, *, owner_id: int) -> None:
        """Keep a new tag; one that its owner made alike before is that one.

        Raises:
            TagRuleError: the name is taken, or there are too many.
        """
        now = datetime.now(UTC)

        async def work(session: AsyncSession) -> None:
            await take_turn(session, guild_id)
            found = await _row(session, guild_id, name)
            if found is not None:
                if (found.owner_id, found.content) != (owner_id, content):
                    raise TagRuleError(f"There is a tag `{found.name}` already.")
                return
            counts = select(func.count(), func.count().filter(Tag.owner_id == owner_id))
            here, own = (await session.execute(counts.where(Tag.guild_id == guild_id))).one()
            check_room(here=here, own=own)
            session.add(
                Tag(
                    guild_id=guild_id,
                    key=key_of(name),
                    name=name,
                    content=content,
                    owner_id=owner_id,
                    uses=0,
                    created_at=now,
                )
            )

        await self._storage.write(work)

    async def edit(self, tag: TagInfo, content: str) -> bool:
        """Give a tag another text; answers False when it is not as *tag* says any more."""
        same = (Tag.owner_id == tag.owner_id, Tag.content.in_((tag.content, content)))
        changed = update(Tag).where(Tag.id == tag.id, *same)
        changed = changed.values(content=content, updated_at=datetime.now(UTC))

        async def work(session: AsyncSession) -> bool:
            return (await session.execute(changed.returning(Tag.id))).first() is not None

        return await self._storage.write(work)

    async def hand_over(self, tag_id: int, *, old_owner: int, new_owner: int) -> bool:
        """Give a tag to another member; answers False when somebody else was faster."""
        theirs = Tag.owner_id.in_((old_owner, new_owner))
        changed = update(Tag).where(Tag.id == tag_id, theirs).values(owner_id=new_owner)

        async def work(session: AsyncSession) -> bool:
            return (await session.execute(changed.returning(Tag.id))).first() is not None

        return await self._storage.write(work)

    async def remove(self, tag: TagInfo) -> bool:
        """Delete a tag of that owner; answers whether it was still there."""
        gone = delete(Tag).where(Tag.id == tag.id, Tag.owner_id == tag.owner_id).returning(Tag.id)

        async def work(session: AsyncSession) -> bool:
            return (await session.execute(gone)).first() is not None

        return await self._storage.write(work)

    async def count_use(self, tag_id: int) -> None:
        """A tag was shown once more."""
        counted = update(Tag).where(Tag.id == tag_id).values(uses=Tag.uses + 1)

        async def work(session: AsyncSession) -> None:
            await session.execute(counted)

        await self._storage.write(work)

    async def search(
        self,
        guild_id: int,
        text: str = "",
        *,
        owner_id: int | None = None,
        limit: int = MAX_TAGS,
    ) -> Sequence[TagInfo]:
        """Answer tags whose names hold *text*, those of *owner_id* alone if given, by name."""
        wanted = select(Tag).where(Tag.guild_id == guild_id).order_by(Tag.key).limit(limit)
        if text.strip():
            wanted = wanted.where(Tag.key.like(like_pattern(text), escape="\\"))
        if owner_id is not None:
            wanted = wanted.where(Tag.owner_id == owner_id)

        async def work(session: AsyncSession) -> Sequence[TagInfo]:
            return [_known(row) for row in await session.scalars(wanted)]

        return await self._storage.read(work)


async def _row(session: AsyncSession, guild_id: int, name: str) -> Tag | None:
    wanted = select(Tag).where(Tag.guild_id == guild_id, Tag.key == key_of(name))
    return (await session.scalars(wanted)).first()


def _info(row: Tag | None) -> TagInfo | None:
    return None if row is None else _known(row)


def _known(row: Tag) -> TagInfo:
    return TagInfo(
        id=row.id,
        name=row.name,
        content=row.content,
        owner_id=row.owner_id,
        uses=row.uses,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
