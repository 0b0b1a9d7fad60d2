"""Members and users as the rules of the hierarchy see them, and how they are found."""

from __future__ import annotations

from collections.abc import Callable

import discord

from bot.commands.refusals import Refused
from bot.moderation import failures
from bot.moderation.hierarchy import (
    Person,
    Rank,
    Refusal,
    RoleFacts,
    may_act,
    may_change_role,
)

User = discord.Member | discord.User
Rule = Callable[[Person, Person, Person, int], Refusal | None]


def person_of(guild: discord.Guild, user: discord.abc.Snowflake) -> Person:
    """Answer *user* with the roles that they have in *guild* as far as the cache knows."""
    member = guild.get_member(user.id)
    if member is None and isinstance(user, discord.Member) and user.guild.id == guild.id:
        member = user
    if member is None:
        return Person(id=user.id, rank=None)
    top = member.top_role
    return Person(
        id=member.id,
        rank=Rank.of(top.position, top.id),
        is_admin=member.guild_permissions.administrator,
    )


def check(
    guild: discord.Guild,
    moderator: discord.abc.Snowflake,
    target: discord.abc.Snowflake,
    rule: Rule = may_act,
) -> None:
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


def check_role(guild: discord.Guild, moderator: discord.abc.Snowflake, role: discord.Role) -> None:
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


async def find(guild: discord.Guild, user: discord.abc.Snowflake) -> discord.abc.Snowflake:
    """Answer *user* as a member of *guild* if they are one, asking Discord if need be.

    The cache may not know every member; taking one for a stranger would skip the hierarchy.
    """
    member = guild.get_member(user.id)
    if member is not None:
        return member
    try:
        return await guild.fetch_member(user.id)
    except discord.NotFound as error:
        if error.code not in (failures.UNKNOWN_MEMBER, failures.UNKNOWN_USER):
            raise
        return user
