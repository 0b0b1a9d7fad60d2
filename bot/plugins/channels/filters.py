"""Which messages a purge is about. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LINK = re.compile(r"https?://[^\s<>]|\bdiscord\.gg/\w", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A message as the filters see it."""

    id: int
    author_id: int
    is_bot: bool
    content: str
    attachments: int = 0
    is_pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a message must be; None and False ask for nothing.

    Attributes:
        contains: Compared without regard to case.
        after_id: Only what is newer than this message.
        until_id: Only this message and what is older.
        with_pinned: Pinned messages are kept unless this is set.
    """

    user_id: int | None = None
    bots: bool = False
    contains: str | None = None
    links: bool = False
    attachments: bool = False
    after_id: int | None = None
    until_id: int | None = None
    with_pinned: bool = False

    @property
    def asks_for_something(self) -> bool:
        """Whether anything but the number and the span is asked for."""
        return bool(self.user_id or self.bots or self.contains or self.links or self.attachments)


def fits(filters: Filters, message: Facts) -> bool:
    """Answer whether *message* is one to delete; all that is asked for must hold."""
    if message.is_pinned and not filters.with_pinned:
        return False
    if filters.after_id is not None and message.id <= filters.after_id:
        return False
    if filters.until_id is not None and message.id > filters.until_id:
        return False
    if filters.user_id is not None and message.author_id != filters.user_id:
        return False
    if filters.bots and not message.is_bot:
        return False
    if filters.contains and filters.contains.casefold() not in message.content.casefold():
        return False
    if filters.links and LINK.search(message.content) is None:
        return False
    return not filters.attachments or message.attachments > 0


def chosen(filters: Filters, messages: Iterable[Facts]) -> list[Facts]:
    """Answer the messages that fit, in their order."""
    return [message for message in messages if fits(filters, message)]


def describe(filters: Filters, pattern: str | None) -> str:
    """Answer what is asked for, for a question: ``from <@1>, with links``; empty for nothing."""
    words = []
    if filters.user_id is not None:
        words.append(f"from <@{filters.user_id}>")
    if filters.bots:
        words.append("from bots")
    if filters.contains:
        words.append(f"with {_quoted(filters.contains)}")
    if pattern:
        words.append(f"that match {_quoted(pattern)}")
    if filters.links:
        words.append("with links")
    if filters.attachments:
        words.append("with files")
    return ", ".join(words)


def _quoted(text: str) -> str:
    """Answer *text* in a code span, which it can't leave."""
    flat = " ".join(text.replace("`", "'").split())
    return f"`{flat if len(flat) <= 60 else flat[:59] + '…'}`"
