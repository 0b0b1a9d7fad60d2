"""Welcome and leave messages, and a role for new members.

A join is one event: when it is handled again, since the process died in it, Discord recognises the
message by its nonce, and a role that is held already is none to give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import discord
import structlog
from discord.ext import commands

from bot.commands.hybrid import hybrid_group, sub
from bot.commands.refusals import Refused
from bot.guilds.model import GuildSettings
from bot.plugins.server.greeting import (
    Grant,
    Person,
    Stage,
    greeting,
    harmless,
    obstacle,
    silence,
)
from bot.views.personal import LOST

if TYPE_CHECKING:
    from bot.client import Novera

    Ctx = commands.Context[Novera]

log = structlog.get_logger(__name__)

REASON = "Role for new members"


class Arrivals(commands.Cog, name="Welcome"):
    """Messages for members who join or leave, and a role for who joins."""

    features: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Welcome messages": ("view_channel", "send_messages"),
        "Role for new members": ("manage_roles",),
    }
    intents: ClassVar[tuple[str, ...]] = ("members",)

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        # Guild, and whether it is about its role or its welcome → what hinders it, as told last.
        self._told: dict[tuple[int, str], str] = {}

    @hybrid_group(
        "Welcome messages.", fallback="show", guild=True, needs=("manage_guild",), private=True
    )
    async def welcome(self, ctx: Ctx) -> None:
        settings = await self._settings(ctx)
        where = f"<#{settings.welcome_channel_id}>" if settings.welcome_channel_id else "nowhere"
        lines = [f"Said in {where}; set with `/settings`."]
        if ctx.guild is not None:
            lines += _hindrances(ctx.guild, settings)
        lines += [f"Welcome: {_told(settings.welcome_text)}"]
        lines += [f"Leave: {_told(settings.leave_text)}"]
        role = settings.autorole_id
        lines += [f"Role for new members: {f'<@&{role}>' if role else 'none'}"]
        await ctx.send("\n".join(lines)[:2000], ephemeral=True)

    @sub(welcome, "Show yourself how the messages look.", private=True)
    async def test(self, ctx: Ctx) -> None:
        settings, guild = await self._settings(ctx), ctx.guild
        texts = [text for text in (settings.welcome_text, settings.leave_text) if text]
        if guild is None or not texts:
            raise Refused("No welcome or leave message is set here; `/settings` does that.")
        for text in texts:
            shown = _said(text, ctx.author, guild)
            await ctx.send(shown, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())
        hindered = _hindrances(guild, settings)
        if hindered:
            await ctx.send("\n".join(hindered), ephemeral=True)

    @commands.Cog.listener("on_member_join")
    async def greet(self, member: discord.Member) -> None:
        """Welcome a new member, who alone is pinged by it if the text says so."""
        settings = await self.bot.services.guilds.of(member.guild.id)
        pings = discord.AllowedMentions(users=[member], everyone=False, roles=False)
        await self._say(member, member.guild, settings, settings.welcome_text, pings)

    @commands.Cog.listener("on_raw_member_remove")
    async def part(self, payload: discord.RawMemberRemoveEvent) -> None:
        """Tell of a member who left, of whom nothing but the name need be known."""
        guild = self.bot.get_guild(payload.guild_id)
        if guild is None or payload.user == self.bot.user:
            return
        settings = await self.bot.services.guilds.of(guild.id)
        none = discord.AllowedMentions.none()
        await self._say(payload.user, guild, settings, settings.leave_text, none)

    @commands.Cog.listener("on_member_join")
    async def admit(self, member: discord.Member) -> None:
        """Give the role to a new member, unless rules are to be accepted first."""
        if not member.pending:
            await self._give_role(member)

    @commands.Cog.listener("on_member_update")
    async def admit_later(self, before: discord.Member, after: discord.Member) -> None:
        """Give the role to a member who accepted the rules."""
        if before.pending and not after.pending:
            await self._give_role(after)

    async def _say(
        self,
        user: discord.User | discord.Member,
        guild: discord.Guild,
        settings: GuildSettings,
        text: str | None,
        pings: discord.AllowedMentions,
    ) -> None:
        if not text:
            return
        hindered = silence(_stage(guild, settings))
        channel = guild.get_channel(settings.welcome_channel_id or 0)
        if hindered is None and isinstance(channel, discord.TextChannel):
            try:
                await channel.send(_said(text, user, guild), allowed_mentions=pings)
            except discord.Forbidden:
                hindered = "Discord did not let me write in the welcome channel."
            except LOST as error:
                log.warning("greeting.not_sent", guild_id=guild.id, error=type(error).__name__)
                return
        if settings.welcome_channel_id is not None:
            await self._tell(guild, settings, "welcome", hindered)

    async def _give_role(self, member: discord.Member) -> None:
        guild = member.guild
        settings = await self.bot.services.guilds.of(guild.id)
        # Bots get a role of their own when they are added.
        skipped = member.bot and not settings.autorole_bots
        if settings.autorole_id is None or skipped:
            return
        hindered = obstacle(_grant(guild, settings.autorole_id))
        role = guild.get_role(settings.autorole_id)
        if hindered is None and role is not None and role not in member.roles:
            try:
                await member.add_roles(role, reason=REASON)
            except discord.NotFound:
                return  # they have left already
            except discord.Forbidden:
                hindered = "Discord did not let me give new members their role."
            except LOST as error:
                log.warning("autorole.not_given", guild_id=guild.id, error=type(error).__name__)
                return
        await self._tell(guild, settings, "autorole", hindered)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Nothing is kept of a server that the bot has left."""
        self._told = {key: told for key, told in self._told.items() if key[0] != guild.id}

    async def _tell(
        self, guild: discord.Guild, settings: GuildSettings, what: str, hindered: str | None
    ) -> None:
        """Tell the log channel what hinders the bot: once, until that changes."""
        if hindered is None:
            self._told.pop((guild.id, what), None)
            return
        if self._told.get((guild.id, what)) == hindered:
            return
        self._told[guild.id, what] = hindered
        log.warning("arrivals.hindered", guild_id=guild.id, what=what)
        channel = guild.get_channel(settings.log_channel_id or 0)
        if isinstance(channel, discord.TextChannel):
            try:
                await channel.send(hindered, allowed_mentions=discord.AllowedMentions.none())
            except LOST as error:
                log.warning("arrivals.not_told", guild_id=guild.id, error=type(error).__name__)

    async def _settings(self, ctx: Ctx) -> GuildSettings:
        if ctx.guild is None:  # the commands are for guilds alone
            raise commands.NoPrivateMessage
        return await self.bot.services.guilds.of(ctx.guild.id)


def _hindrances(guild: discord.Guild, settings: GuildSettings) -> list[str]:
    """Answer what keeps the bot from what is set."""
    found: list[str | None] = []
    if settings.welcome_text or settings.leave_text:
        found.append(silence(_stage(guild, settings)))
    if settings.autorole_id is not None:
        found.append(obstacle(_grant(guild, settings.autorole_id)))
    return [each for each in found if each is not None]


def _stage(guild: discord.Guild, settings: GuildSettings) -> Stage:
    if settings.welcome_channel_id is None:
        return Stage(is_set=False)
    channel = guild.get_channel(settings.welcome_channel_id)
    if not isinstance(channel, discord.TextChannel):
        return Stage(is_there=False)
    allowed = channel.permissions_for(guild.me)
    return Stage(may_send=allowed.view_channel and allowed.send_messages)


def _grant(guild: discord.Guild, role_id: int) -> Grant:
    role = guild.get_role(role_id)
    if role is None:
        return Grant()
    return Grant(
        role_name=role.name,
        role_position=role.position,
        role_managed=role.managed,
        bot_position=guild.me.top_role.position,
        may_manage=guild.me.guild_permissions.manage_roles,
    )


def _said(text: str, user: discord.abc.User, guild: discord.Guild) -> str:
    person = Person(id=user.id, name=harmless(user.display_name))
    return greeting(text, person, server=guild.name, count=guild.member_count or len(guild.members))


def _told(text: str | None) -> str:
    return f"`{text.replace('`', '')[:700]}`" if text else "none"
