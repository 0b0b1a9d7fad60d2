"""Members and users as the rules of the hierarchy see them, and how they are found."""

from __future__ import annotations

from collections.abc import Callable

import discord

from bot.commands.discord_codes import UNKNOWN_MEMBER, UNKNOWN_USER
from bot.commands.refusals import Refused
from bot.commands.wording import permission
from bot.moderation.hierarchy import (
    Person,
    Rank,
    Refusal,
    RoleFacts,
    may_act,
    may_change_role,
)

Someone = discord.abc.Snowflake
Rule = Callable[[Person, Person, Person, int], Refusal | None]
NO_MEMBER = "That user is no member of this server."


def person_of(guild: discord.Guild, user: Someone) -> Person:
    """Answer *user* with the roles that they have in *guild* as far as is known."""
    is_theirs = isinstance(user, discord.Member) and user.guild.id == guild.id
    member = user if is_theirs else guild.get_member(user.id)
    if not isinstance(member, discord.Member):
        return Person(id=user.id, rank=None)
    top = member.top_role
    return Person(
        id=member.id,
        rank=Rank.of(top.position, top.id),
        is_admin=member.guild_permissions.administrator,
    )


def check(guild: discord.Guild, moderator: Someone, target: Someone, rule: Rule = may_act) -> None:
    """See that *moderator* may have the bot act on *target*.

    Args:
        rule: Of `bot.moderation.hierarchy`.

    Raises:
        Refused: they may not; says why.
    """
    actor, on, bot = (person_of(guild, each) for each in (moderator, target, guild.me))
    refusal = rule(actor, on, bot, guild.owner_id or 0)
    if refusal is not None:
        raise Refused(refusal.text)


def check_role(guild: discord.Guild, moderator: Someone, role: discord.Role) -> None:
    """See that *moderator* may have the bot give or take *role*.

    Raises:
        Refused: they may not; says why.
    """
    facts = RoleFacts(
        rank=Rank.of(role.position, role.id),
        is_default=role.is_default(),
        is_managed=role.managed,
    )
    actor, bot = person_of(guild, moderator), person_of(guild, guild.me)
    refusal = may_change_role(actor, facts, bot, guild.owner_id or 0)
    if refusal is not None:
        raise Refused(refusal.text)


def check_own(guild: discord.Guild, need: str) -> None:
    """See that the bot has a permission: whom it can't ban must not read that they are banned.

    Raises:
        Refused: it has not.
    """
    if not getattr(guild.me.guild_permissions, need):
        raise Refused(f"I need **{permission(need)}** for this.")


async def find(guild: discord.Guild, user: Someone) -> Someone:
    """Answer *user* as a member of *guild* if they are one, asking Discord if need be.

    The cache may not know every member; taking one for a stranger would skip the hierarchy. One
    that does not know them all hears nothing of changed roles either.
    """
    member = guild.get_member(user.id)
    if member is not None and guild.chunked:
        return member
    try:
        return await guild.fetch_member(user.id)
    except discord.NotFound as error:
        if error.code not in (UNKNOWN_MEMBER, UNKNOWN_USER):
            raise
        return discord.Object(user.id)


async def present(guild: discord.Guild, target: Someone) -> discord.Member:
    """Answer *target* as a member.

    Raises:
        Refused: they are none.
    """
    found = await find(guild, target)
    if not isinstance(found, discord.Member):
        raise Refused(NO_MEMBER)
    return found
