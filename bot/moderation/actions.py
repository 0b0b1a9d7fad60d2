"""What is done to users at Discord, each with its case.

Everything here checks the hierarchy first, itself: whoever calls it cannot forget to. *moderator*
is the bot where it acts of its own accord. Each raises `Refused`, which explains itself, or what
discord.py and the database raise.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import discord

from bot.commands.refusals import Refused
from bot.moderation import failures, letters, people
from bot.moderation.case import Case
from bot.moderation.deeds import NO_MEMBER, Someone, carry_out, present
from bot.moderation.hierarchy import may_time_out

if TYPE_CHECKING:
    from bot.services import Services

MAX_TIMEOUT = timedelta(days=28)  # of Discord
BAN_END = "ban_end"  # kind of the timer that ends a ban
DAY_S = 86_400


async def ban(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    reason: str | None,
    delete_days: int = 0,
    expires_at: datetime | None = None,
    origin: int | None = None,
) -> Case:
    """Ban a member, or a user who is none.

    Args:
        delete_days: Messages of so many days are deleted, 0 to 7.
        expires_at: When the ban is to end by itself.
    """
    target = await people.find(guild, target)
    people.check(guild, moderator, target)

    async def act(case: Case) -> str | None:
        note = await letters.tell(target, guild, case)
        await guild.ban(
            target, delete_message_seconds=delete_days * DAY_S, reason=case.audit_reason
        )
        return note

    given: dict[str, Any] = {"expires_at": expires_at, "ends": BAN_END if expires_at else None}
    if delete_days:
        given["extra"] = {"shown": f"Messages deleted of days: {delete_days}."}
    return await carry_out(
        services, guild, "ban", target, moderator, act, reason=reason, origin=origin, **given
    )


async def unban(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    reason: str | None,
    origin: int | None = None,
) -> Case:
    """Lift a ban."""

    async def act(case: Case) -> None:
        await _unless_done(
            case, failures.UNKNOWN_BAN, guild.unban(target, reason=case.audit_reason)
        )

    return await carry_out(
        services, guild, "unban", target, moderator, act, reason=reason, origin=origin
    )


async def softban(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    reason: str | None,
    delete_days: int = 1,
    origin: int | None = None,
) -> Case:
    """Ban and unban a member: they are removed with their newest messages, and may join again."""
    target = await _member_or_gone(services, guild, target, "softban", origin)
    people.check(guild, moderator, target)

    async def act(case: Case) -> str | None:
        note = await letters.tell(target, guild, case)
        seconds = delete_days * DAY_S
        await guild.ban(target, delete_message_seconds=seconds, reason=case.audit_reason)
        await guild.unban(target, reason=case.audit_reason)
        return note

    return await carry_out(
        services, guild, "softban", target, moderator, act, reason=reason, origin=origin
    )


async def kick(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    reason: str | None,
    origin: int | None = None,
) -> Case:
    """Remove a member, who may join again."""
    target = await _member_or_gone(services, guild, target, "kick", origin)
    people.check(guild, moderator, target)

    async def act(case: Case) -> str | None:
        note = await letters.tell(target, guild, case)
        await _unless_done(
            case, failures.UNKNOWN_MEMBER, guild.kick(target, reason=case.audit_reason)
        )
        return note

    return await carry_out(
        services, guild, "kick", target, moderator, act, reason=reason, origin=origin
    )


async def timeout(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    until: datetime,
    reason: str | None,
    origin: int | None = None,
) -> Case:
    """Keep a member from writing, reacting and speaking; Discord ends that by itself.

    Args:
        until: At most `MAX_TIMEOUT` from now.
    """
    member = await present(guild, target)
    people.check(guild, moderator, member, may_time_out)

    async def act(case: Case) -> str | None:
        await member.timeout(case.expires_at, reason=case.audit_reason)
        return await letters.tell(member, guild, case)

    return await carry_out(
        services,
        guild,
        "timeout",
        member,
        moderator,
        act,
        reason=reason,
        origin=origin,
        expires_at=until,
    )


async def untimeout(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    reason: str | None,
    origin: int | None = None,
) -> Case:
    """End a timeout."""
    member = await present(guild, target)
    people.check(guild, moderator, member)

    async def act(case: Case) -> None:
        await member.timeout(None, reason=case.audit_reason)

    return await carry_out(
        services, guild, "untimeout", member, moderator, act, reason=reason, origin=origin
    )


async def _member_or_gone(
    services: Services, guild: discord.Guild, target: Someone, action: str, origin: int | None
) -> Someone:
    """As `_member`, but whom an earlier handling of the same command may have removed may be gone.

    It checked the hierarchy before it opened the case.
    """
    found = await people.find(guild, target)
    if isinstance(found, discord.Member):
        return found
    if origin is not None and await services.cases.has(guild.id, action, found.id, origin):
        return found
    raise Refused(NO_MEMBER)


async def _unless_done(case: Case, code: int, deed: Awaitable[object]) -> None:
    """Do it; a process that died while it did the same may have done it already."""
    try:
        await deed
    except discord.NotFound as error:
        if not (case.again and error.code == code):
            raise
