"""A message of discord.py as the rules see it, and whom the rules spare."""

from __future__ import annotations

import discord

from bot.plugins.automod.config import Config
from bot.plugins.automod.rules import Facts

EPOCH_MS = 1_420_070_400_000  # of Discord's ids


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
        mentions=len(set(message.raw_mentions)) + len(set(message.raw_role_mentions)),
        is_edit=is_edit,
    )


def text_of(message: discord.Message) -> str:
    """Answer all that a member wrote: of a forwarded message and of a poll as well."""
    if not message.message_snapshots and message.poll is None:
        return message.content
    texts = [message.content, *(snapshot.content for snapshot in message.message_snapshots)]
    if message.poll is not None:
        texts += [str(message.poll.question), *(answer.text for answer in message.poll.answers)]
    return "\n".join(texts)


def is_exempt(message: discord.Message, config: Config) -> bool:
    """Answer whether rules do not apply: to whoever manages messages there, by role or channel."""
    channel, author = message.channel, message.author
    above = (getattr(channel, "parent_id", None), getattr(channel, "category_id", None))
    if not {channel.id, *above}.isdisjoint(config.exempt_channels):
        return True
    if not isinstance(author, discord.Member):
        return False  # has left by now
    if not {role.id for role in author.roles}.isdisjoint(config.exempt_roles):
        return True
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return channel.permissions_for(author).manage_messages
    return False
