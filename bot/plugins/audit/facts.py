"""Answers what discord.py knows as the plain values that the audit log compares. Pure."""

from __future__ import annotations

import discord

from bot.plugins.audit.differences import Facts, MemberFacts, Overwrite
from bot.plugins.audit.entries import MessageFacts, person

Channel = discord.abc.GuildChannel


def member_facts(member: discord.Member) -> MemberFacts:
    """Answer what of a member is watched; the role that everybody has is none."""
    return MemberFacts(
        nick=member.nick,
        roles={role.id: role.name for role in member.roles if not role.is_default()},
        timed_out_until=member.timed_out_until,
    )


def role_facts(role: discord.Role) -> Facts:
    """Answer what of a role is watched."""
    return Facts(
        plain={
            "Name": role.name,
            "Colour": str(role.colour),
            "Shown apart": _yes(role.hoist),
            "Mentionable": _yes(role.mentionable),
        },
        permissions=frozenset(name for name, held in role.permissions if held),
    )


def channel_facts(channel: Channel) -> Facts:
    """Answer what of a channel is watched; what its kind does not have is empty."""
    category = channel.category
    slowmode_s = getattr(channel, "slowmode_delay", 0)
    limit, bitrate = getattr(channel, "user_limit", 0), getattr(channel, "bitrate", 0)
    return Facts(
        plain={
            "Name": channel.name,
            "Topic": getattr(channel, "topic", None) or "",
            "Category": category.name if category is not None else "",
            "Slowmode": f"{slowmode_s} s" if slowmode_s else "",
            "Age-restricted": _yes(bool(getattr(channel, "nsfw", False))),
            "User limit": str(limit) if limit else "",
            "Bitrate": str(bitrate) if bitrate else "",
        },
        overwrites={
            target.id: (_named(channel, target), _overwrite(overwrite))
            for target, overwrite in channel.overwrites.items()
        },
    )


def message_facts(
    message: discord.Message | None, *, message_id: int, places: tuple[int, ...]
) -> MessageFacts:
    """Answer what is known of a message; of one that is not in the cache, where it was."""
    if message is None:
        return MessageFacts(id=message_id, places=places)
    author = message.author
    return MessageFacts(
        id=message_id,
        places=places,
        author_id=author.id,
        author=person(author.id, author.name),
        content=message.content,
        attachments=len(message.attachments),
    )


def places_of(guild: discord.Guild, channel_id: int) -> tuple[int, ...]:
    """Answer the channel, and for a thread the channel that it belongs to."""
    channel = guild.get_channel_or_thread(channel_id)
    if isinstance(channel, discord.Thread):
        return (channel_id, channel.parent_id)
    return (channel_id,)


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _named(channel: Channel, target: discord.Role | discord.Member | discord.Object) -> str:
    if isinstance(target, discord.Role):
        return f"the role {target.name}"
    known = channel.guild.get_member(target.id)
    return known.name if known is not None else str(target.id)


def _overwrite(overwrite: discord.PermissionOverwrite) -> Overwrite:
    return Overwrite(
        allowed=frozenset(name for name, value in overwrite if value is True),
        denied=frozenset(name for name, value in overwrite if value is False),
    )
