"""A message of discord.py as the rules see it, and whom the rules spare."""

from __future__ import annotations

import re
from collections.abc import Iterator

import discord

from bot.plugins.automod.rules import Facts, Rulebook

EPOCH_MS = 1_420_070_400_000  # of Discord's ids
_MENTIONS = re.compile(r"<@[!&]?([0-9]{15,20})>")
_SHOWN = frozenset({"title", "description", "name", "value", "text", "url", "content", "label"})


def facts_of(message: discord.Message, *, is_edit: bool = False) -> Facts:
    """Answer what is judged of *message*, which is one of a guild."""
    if message.guild is None:
        raise ValueError("a direct message has no rules")
    return Facts(
        guild_id=message.guild.id,
        channel_id=message.channel.id,
        message_id=message.id,
        user_id=message.author.id,
        sent_at_ms=(message.id >> 22) + EPOCH_MS,
        text=text_of(message),
        files=_files_of(message) if message.attachments or message.message_snapshots else "",
        mentions=mentions_in(message.content),
        is_edit=is_edit,
    )


def mentions_in(text: str) -> int:
    """Answer how many different users and roles are mentioned."""
    return len(set(_MENTIONS.findall(text))) if "<@" in text else 0


def text_of(message: discord.Message) -> str:
    """Answer all that a member said: by stickers, a poll and a forwarded message as well."""
    if not (message.message_snapshots or message.stickers or message.poll):
        return message.content
    texts = [message.content, *(sticker.name for sticker in message.stickers)]
    if message.poll is not None:
        texts += [str(message.poll.question), *(answer.text for answer in message.poll.answers)]
    for snapshot in message.message_snapshots:
        texts += [snapshot.content, *(sticker.name for sticker in snapshot.stickers)]
        texts += _words_in([embed.to_dict() for embed in snapshot.embeds])
        texts += _words_in([component.to_dict() for component in snapshot.components])
    return "\n".join(filter(None, texts))


def _files_of(message: discord.Message) -> str:
    """Answer what files are called and said to show; pictures in a row are no repetition."""
    files = [*message.attachments]
    for snapshot in message.message_snapshots:
        files += snapshot.attachments
    named = ((file.filename, file.title, file.description) for file in files)
    return "\n".join(text for texts in named for text in texts if text)


def _words_in(document: object) -> Iterator[str]:
    """Answer what is read of an embed or a component, of those within it as well."""
    if isinstance(document, list):
        for each in document:
            yield from _words_in(each)
    elif isinstance(document, dict):
        for key, value in document.items():
            if isinstance(value, str) and key in _SHOWN:
                yield value
            yield from _words_in(value)


def is_exempt(message: discord.Message, book: Rulebook) -> bool:
    """Answer whether rules do not apply: to whoever manages messages there, by role or channel."""
    channel, author = message.channel, message.author
    if book.exempt_channels and _is_in(channel, book.exempt_channels):
        return True
    if not isinstance(author, discord.Member):
        return False  # has left by now
    if any(author.get_role(role) for role in book.config.exempt_roles):
        return True
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return author.guild_permissions.manage_messages  # as far as that is known
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return channel.permissions_for(author).manage_messages
    return author.guild_permissions.manage_messages


def _is_in(channel: discord.abc.MessageableChannel, places: frozenset[int]) -> bool:
    """Answer whether *channel*, or what it lies in, is one of *places*."""
    if isinstance(channel, discord.Thread):
        category_id = channel.category_id if channel.parent is not None else None
        return not places.isdisjoint((channel.id, channel.parent_id, category_id))
    return channel.id in places or getattr(channel, "category_id", None) in places
