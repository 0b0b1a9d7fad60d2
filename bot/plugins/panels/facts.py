"""What the rules need to know of a guild's roles, gathered from discord.py."""

from __future__ import annotations

from collections.abc import Iterable

import discord

from bot.commands.refusals import Refused
from bot.commands.wording import listed, permission
from bot.plugins.panels.rules import Givers, Rank, RoleFacts, refusals


def rank_of(role: discord.Role) -> Rank:
    """Answer where *role* stands."""
    return Rank.of(role.position, role.id)


def facts_of(role: discord.Role) -> RoleFacts:
    """Answer *role* as the rules see it."""
    return RoleFacts(
        id=role.id,
        name=discord.utils.escape_markdown(role.name),
        rank=rank_of(role),
        permissions=role.permissions.value,
        everyone=role.is_default(),
        managed=role.managed,
    )


async def givers_of(guild: discord.Guild, maker_id: int) -> Givers:
    """Answer who stands behind a panel that *maker_id* made."""
    maker = None
    if maker_id != guild.owner_id:
        member = await member_of(guild, maker_id)
        maker = None if member is None else rank_of(member.top_role)
    return Givers(bot=rank_of(guild.me.top_role), maker=maker)


async def member_of(guild: discord.Guild, user_id: int) -> discord.Member | None:
    """Answer a member, None for one who is not in the guild; asks Discord where it must."""
    found = guild.get_member(user_id)
    if found is not None or guild.chunked:
        return found
    try:
        return await guild.fetch_member(user_id)
    except discord.NotFound:
        return None


def check(roles: Iterable[discord.Role], givers: Givers) -> None:
    """Look whether a panel may offer *roles*.

    Raises:
        Refused: it may not.
    """
    found = refusals(map(facts_of, roles), givers)
    if found:
        raise Refused("\n".join(["Members can't give themselves these roles:", *found])[:1900])


def check_means(guild: discord.Guild) -> None:
    """Look whether the bot may give roles at all.

    Raises:
        Refused: it may not.
    """
    if not guild.me.guild_permissions.manage_roles:
        raise Refused("I need **Manage Roles** for this. Please tell a moderator.")


def check_may_post(place: object, allowed: discord.Permissions) -> None:
    """Look whether the bot, which is *allowed* so much in *place*, may post a panel there.

    Raises:
        Refused: it may not.
    """
    in_thread = isinstance(place, discord.Thread)
    send = "send_messages_in_threads" if in_thread else "send_messages"
    missing = [name for name in ("view_channel", send, "embed_links") if not getattr(allowed, name)]
    if missing:
        raise Refused(f"I need {listed(f'**{permission(name)}**' for name in missing)} here.")
