"""Looks through a channel for what a purge is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import discord

from bot.plugins.channels.filters import Facts, Filters, fits

if TYPE_CHECKING:
    from bot.plugins.channels.pattern import Pattern

PAGE = 100
MAX_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a scan found.

    Attributes:
        ids: That fit, newest first.
        pinned: How many fit but for being pinned, and are kept.
        looked_at: How many messages it saw.
        reached_end: False when it stopped at `MAX_LOOKED_AT`.
    """

    ids: tuple[int, ...]
    pinned: int
    looked_at: int
    reached_end: bool


async def scan(
    channel: discord.abc.Messageable,
    filters: Filters,
    pattern: Pattern | None,
    *,
    before_id: int,
    count: int,
) -> Found:
    """Answer the newest *count* messages older than *before_id* that fit.

    Raises:
        Refused: the pattern can't be used.
        discord.HTTPException: the channel can't be read.
    """
    if filters.until_id is not None:
        before_id = min(before_id, filters.until_id + 1)
    ids: list[int] = []
    pinned = looked_at = 0
    while looked_at < MAX_LOOKED_AT:
        history = channel.history(limit=PAGE, before=discord.Object(before_id))
        page = [message async for message in history]
        looked_at += len(page)
        for message in await _matching(page, pattern):
            facts = facts_of(message)
            if fits(filters, facts):
                ids.append(message.id)
            elif facts.is_pinned and _would_fit(filters, facts):
                pinned += 1
            if len(ids) == count:
                return Found(ids=tuple(ids), pinned=pinned, looked_at=looked_at, reached_end=True)
        if len(page) < PAGE or (filters.after_id is not None and page[-1].id <= filters.after_id):
            return Found(ids=tuple(ids), pinned=pinned, looked_at=looked_at, reached_end=True)
        before_id = page[-1].id
    return Found(ids=tuple(ids), pinned=pinned, looked_at=looked_at, reached_end=False)


def facts_of(message: discord.Message) -> Facts:
    """Answer what the filters need to know of *message*."""
    return Facts(
        id=message.id,
        author_id=message.author.id,
        is_bot=message.author.bot,
        content=message.content,
        attachments=len(message.attachments),
        is_pinned=message.pinned,
    )


async def _matching(page: list[discord.Message], pattern: Pattern | None) -> list[discord.Message]:
    # Discord lets nobody delete some system messages; to ask for it would fail the whole call.
    page = [message for message in page if message.type.is_deletable()]
    if pattern is None or not page:
        return page
    matches = await pattern.matching([message.content for message in page])
    return [message for message, matched in zip(page, matches, strict=True) if matched]


def _would_fit(filters: Filters, facts: Facts) -> bool:
    return fits(replace(filters, with_pinned=True), facts)
