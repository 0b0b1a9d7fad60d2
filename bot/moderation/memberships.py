"""Nicknames and roles of members, changed at a moderator's wish, each with its case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.moderation import people
from bot.moderation.case import Case
from bot.moderation.hierarchy import may_change_roles_of
from bot.moderation.people import Someone

if TYPE_CHECKING:
    from bot.services import Services


async def rename(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    nick: str | None,
    reason: str | None = None,
    origin: int | None = None,
) -> Case:
    """Give a member another nickname, or with None their own name back."""
    member = await people.present(guild, target)
    people.check(guild, moderator, member)

    async def act(case: Case) -> None:
        await member.edit(nick=nick, reason=case.audit_reason)

    shown = f"{member.nick or member.name} → {nick or member.name}"
    return await services.cases.carry_out(
        guild,
        action="nick",
        target=member,
        moderator=moderator,
        act=act,
        reason=reason,
        origin=origin,
        extra={"shown": shown, "nick": nick},
    )


async def change_role(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    role: discord.Role,
    *,
    give: bool,
    reason: str | None = None,
    origin: int | None = None,
) -> Case:
    """Give a member a role or take it; moderators may do that to themselves as well."""
    member = await people.present(guild, target)
    people.check(guild, moderator, member, may_change_roles_of)
    people.check_role(guild, moderator, role)

    async def act(case: Case) -> None:
        change = member.add_roles if give else member.remove_roles
        await change(role, reason=case.audit_reason)

    return await services.cases.carry_out(
        guild,
        action="role_add" if give else "role_remove",
        target=member,
        moderator=moderator,
        act=act,
        reason=reason,
        origin=origin,
        extra={"shown": f"{role.mention} `{role.id}`", "role_id": role.id},
    )
