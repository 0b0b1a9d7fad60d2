"""Commands that show what a server, a user or a picture is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid
from bot.commands.refusals import Refused
from bot.plugins.server import profiles
from bot.plugins.server.profiles import MembershipFacts, ServerFacts, UserFacts
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera

    Ctx = commands.Context[Novera]

AVATAR_SIZE = 1024
# Not `User | None = None`: that would take whoever can't be found for yourself.
YOURSELF = commands.parameter(default=lambda ctx: ctx.author, displayed_default="you")


class Info(commands.Cog, name="Information"):
    """Facts about this server and its members, and their pictures."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    @hybrid("What this server is.", guild=True)
    async def serverinfo(self, ctx: Ctx) -> None:
        if ctx.guild is not None:
            await send_pages(ctx, [profiles.server_page(_server(ctx.guild))])

    @hybrid("Who a member is, or anybody by their id.", guild=True, aliases=("whois",))
    @app_commands.describe(user="A member, or the id of any user; yourself if left out.")
    async def userinfo(self, ctx: Ctx, *, user: discord.User = YOURSELF) -> None:
        shown = _here(ctx, user)
        await send_pages(ctx, [profiles.user_page(_user(shown), now=datetime.now(UTC))])

    @hybrid("The picture of a member, or of anybody by their id.")
    @app_commands.describe(
        user="A member, or the id of any user; yourself if left out.",
        kind="The picture in this server, or that of the account.",
    )
    async def avatar(
        self,
        ctx: Ctx,
        user: discord.User = YOURSELF,
        kind: Literal["server", "account"] = "server",
    ) -> None:
        shown = _here(ctx, user)
        own = shown.guild_avatar if isinstance(shown, discord.Member) else None
        picture = own if kind == "server" and own is not None else shown.avatar
        address = (picture or shown.default_avatar).with_size(AVATAR_SIZE).url
        if not _may_embed(ctx):
            raise Refused("I may not embed pictures in this channel.")
        name = discord.utils.escape_markdown(shown.display_name)
        embed = discord.Embed(title=f"Picture of {name}", url=address)
        await ctx.send(embed=embed.set_image(url=address))


def _may_embed(ctx: Ctx) -> bool:
    return ctx.interaction is not None or ctx.bot_permissions.embed_links


def _here(ctx: Ctx, user: discord.User | discord.Member) -> discord.User | discord.Member:
    """Answer the user as a member of this server if they are one."""
    if isinstance(user, discord.Member) or ctx.guild is None:
        return user
    return ctx.guild.get_member(user.id) or user


def _server(guild: discord.Guild) -> ServerFacts:
    kinds = Counter(
        "text"
        if isinstance(channel, discord.TextChannel)
        else "voice"
        if isinstance(channel, discord.VoiceChannel | discord.StageChannel)
        else "other"
        for channel in guild.channels
        if not isinstance(channel, discord.CategoryChannel)
    )
    return ServerFacts(
        id=guild.id,
        name=discord.utils.escape_markdown(guild.name),
        owner_id=guild.owner_id,
        created_at=guild.created_at,
        members=guild.member_count or len(guild.members),
        bots=sum(member.bot for member in guild.members) if guild.chunked else None,
        roles=len(guild.roles) - 1,  # everybody has the first one
        channels={kind: kinds[kind] for kind in ("text", "voice", "other")},
        boosts=guild.premium_subscription_count,
        boost_tier=guild.premium_tier,
    )


def _user(user: discord.User | discord.Member) -> UserFacts:
    membership = None
    if isinstance(user, discord.Member):
        membership = MembershipFacts(
            nick=discord.utils.escape_markdown(user.nick) if user.nick else None,
            joined_at=user.joined_at,
            roles=[role.id for role in reversed(user.roles) if not role.is_default()],
            permissions=frozenset(name for name, held in user.guild_permissions if held),
            timed_out_until=user.timed_out_until,
            is_owner=user.id == user.guild.owner_id,
        )
    return UserFacts(
        id=user.id,
        name=discord.utils.escape_markdown(user.name),
        is_bot=user.bot,
        created_at=user.created_at,
        membership=membership,
    )
