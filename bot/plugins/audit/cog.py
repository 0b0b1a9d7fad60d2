"""Listens to what changes in guilds, and has it told; no listener waits for anything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import discord
from discord.ext import commands

from bot.plugins.audit import differences, entries, facts
from bot.plugins.audit.attribution import Act
from bot.plugins.audit.outbox import Outbox

if TYPE_CHECKING:
    from bot.client import Novera

MAX_OWN = 5000  # ids of messages that the bot deletes itself
OWN_S = 300.0  # then it did not delete them: somebody else may


class Audit(commands.Cog, name="Audit log"):
    """Reports changes of members, messages, roles and channels to the guild's log channel."""

    features: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Audit log": ("view_audit_log", "send_messages", "embed_links"),
    }
    intents: ClassVar[tuple[str, ...]] = ("members", "message_content")

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        self.outbox = Outbox(bot.services)
        self._own: dict[int, float] = {}  # when it was said, by message

    async def cog_unload(self) -> None:
        """Tell what waits."""
        await self.outbox.close()

    @commands.Cog.listener()
    async def on_own_deletion(self, message_ids: tuple[int, ...]) -> None:
        """Another plugin is about to delete messages, and tells of that itself."""
        self._own.update(dict.fromkeys(message_ids, self._now().at_s))
        while len(self._own) > MAX_OWN:
            del self._own[next(iter(self._own))]

    @commands.Cog.listener()
    async def on_audit_log_entry_create(self, entry: discord.AuditLogEntry) -> None:
        # Of others the target is not asked for: it may be anything.
        if entry.action.name not in entries.ACTS or entry.user_id is None:
            return
        target, name = entry.target, entry.action.name
        place = getattr(entry.extra, "channel", None) if name == "message_delete" else None
        if target is not None:
            act = Act(
                name=name,
                target_id=int(target.id),
                actor_id=entry.user_id,
                reason=entry.reason,
                at_s=self._now().at_s,
                place_id=place.id if place is not None else None,
            )
            self.outbox.note(entry.guild.id, act)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.outbox.forget(guild.id)

    @commands.Cog.listener()
    async def on_member_join(self, member: discord.Member) -> None:
        created_at_s = int(member.created_at.timestamp())
        entry = entries.joined(self._now(), member.id, member.name, created_at_s=created_at_s)
        self.outbox.put(member.guild.id, entry)

    @commands.Cog.listener()
    async def on_raw_member_remove(self, payload: discord.RawMemberRemoveEvent) -> None:
        user = payload.user
        if user.id == getattr(self.bot.user, "id", None):
            return
        held = facts.member_facts(user).roles if isinstance(user, discord.Member) else {}
        entry = entries.left(self._now(), user.id, user.name, roles=tuple(held.values()))
        self.outbox.put(payload.guild_id, entry)

    @commands.Cog.listener()
    async def on_member_ban(self, guild: discord.Guild, user: discord.User) -> None:
        self.outbox.put(guild.id, entries.banned(self._now(), user.id, user.name))

    @commands.Cog.listener()
    async def on_member_unban(self, guild: discord.Guild, user: discord.User) -> None:
        self.outbox.put(guild.id, entries.unbanned(self._now(), user.id, user.name))

    @commands.Cog.listener()
    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        changes = differences.of_members(
            facts.member_facts(before), facts.member_facts(after), now=datetime.now(UTC)
        )
        entry = entries.member_changed(self._now(), after.id, after.name, changes)
        self.outbox.put(after.guild.id, entry)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        guild = self.bot.get_guild(payload.guild_id or 0)
        after, before = payload.message, payload.cached_message
        # Discord sends the same event when it adds the preview of a link.
        was_edited = after.edited_at is not None
        same = before is not None and before.content == after.content
        if guild is None or after.author.bot or same or not was_edited:
            return
        places = facts.places_of(guild, payload.channel_id)
        known = facts.message_facts(after, message_id=payload.message_id, places=places)
        old = before.content if before is not None else None
        edited = entries.MessageFacts(
            id=known.id, places=places, author_id=known.author_id, author=known.author, content=old
        )
        entry = entries.message_edited(self._now(), edited, after.content, link=after.jump_url)
        self.outbox.put(guild.id, entry)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        guild, known = self.bot.get_guild(payload.guild_id or 0), payload.cached_message
        is_own = known is not None and known.author == self.bot.user
        if self._took_own((payload.message_id,)) or is_own or guild is None:
            return
        places = facts.places_of(guild, payload.channel_id)
        gone = facts.message_facts(known, message_id=payload.message_id, places=places)
        self.outbox.put(guild.id, entries.message_deleted(self._now(), gone))

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        guild = self.bot.get_guild(payload.guild_id or 0)
        count = len(payload.message_ids) - self._took_own(payload.message_ids)
        if guild is None or not count:
            return
        places = facts.places_of(guild, payload.channel_id)
        self.outbox.put(guild.id, entries.messages_purged(self._now(), places, count=count))

    @commands.Cog.listener()
    async def on_guild_role_create(self, role: discord.Role) -> None:
        entry = entries.place_made(self._now(), "role", role.id, role.name)
        self.outbox.put(role.guild.id, entry)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        entry = entries.place_gone(self._now(), "role", role.id, role.name)
        self.outbox.put(role.guild.id, entry)

    @commands.Cog.listener()
    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        changes = differences.of_places(facts.role_facts(before), facts.role_facts(after))
        entry = entries.place_changed(self._now(), "role", after.id, after.name, changes)
        self.outbox.put(after.guild.id, entry)

    @commands.Cog.listener()
    async def on_guild_channel_create(self, channel: facts.Channel) -> None:
        entry = entries.place_made(self._now(), "channel", channel.id, channel.name)
        self.outbox.put(channel.guild.id, entry)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: facts.Channel) -> None:
        entry = entries.place_gone(self._now(), "channel", channel.id, channel.name)
        self.outbox.put(channel.guild.id, entry)

    @commands.Cog.listener()
    async def on_guild_channel_update(self, before: facts.Channel, after: facts.Channel) -> None:
        changes = differences.of_places(facts.channel_facts(before), facts.channel_facts(after))
        entry = entries.place_changed(self._now(), "channel", after.id, after.name, changes)
        self.outbox.put(after.guild.id, entry)

    def _took_own(self, message_ids: Iterable[int]) -> int:
        """Answer how many of messages that are gone now the bot deleted itself."""
        since_s = self._now().at_s - OWN_S
        return sum(self._own.pop(message_id, -math.inf) >= since_s for message_id in message_ids)

    def _now(self) -> entries.Moment:
        return self.outbox.moment()
