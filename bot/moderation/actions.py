"""What is done to users at Discord, each with its case.

Everything here checks the hierarchy first, itself: whoever calls it cannot forget to. *moderator*
is the bot where it acts of its own accord. Each raises `Refused`, which explains itself, or what
discord.py and the database raise.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import discord

from bot.commands.discord_codes import UNKNOWN_BAN, UNKNOWN_MEMBER
from bot.commands.refusals import Refused
from bot.moderation import letters, people
from bot.moderation.case import Case
from bot.moderation.hierarchy import may_time_out
from bot.moderation.people import NO_MEMBER, Someone

if TYPE_CHECKING:
    from bot.services import Services

MAX_TIMEOUT = timedelta(days=28)  # of Discord
CLOCK_DOUBT = timedelta(minutes=1)  # by which Discord's clock may be behind ours
BAN_END = "ban_end"  # kind of the timer that ends a ban
DAY_S = 86_400
NO_TIMEOUT = "That member is not timed out."


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
    people.check_own(guild, "ban_members")

    async def act(case: Case) -> str | None:
        note = await letters.tell(target, guild, case)
        await guild.ban(
            target, delete_message_seconds=delete_days * DAY_S, reason=case.audit_reason
        )
        return note

    return await services.cases.carry_out(
        guild,
        action="ban",
        target=target,
        moderator=moderator,
        act=act,
        reason=reason,
        expires_at=expires_at,
        origin=origin,
        extra=_deleting(delete_days),
        ends=BAN_END if expires_at is not None else None,
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
        lifting = guild.unban(target, reason=case.audit_reason)
        await _unless(UNKNOWN_BAN, lifting, excused=case.again)

    return await services.cases.carry_out(
        guild,
        action="unban",
        target=target,
        moderator=moderator,
        act=act,
        reason=reason,
        origin=origin,
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
    people.check_own(guild, "ban_members")

    async def act(case: Case) -> str | None:
        note = await letters.tell(target, guild, case)
        seconds = delete_days * DAY_S
        await guild.ban(target, delete_message_seconds=seconds, reason=case.audit_reason)
        await _unless(UNKNOWN_BAN, guild.unban(target, reason=case.audit_reason))
        return note

    return await services.cases.carry_out(
        guild,
        action="softban",
        target=target,
        moderator=moderator,
        act=act,
        reason=reason,
        origin=origin,
        extra=_deleting(delete_days),
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
    people.check_own(guild, "kick_members")

    async def act(case: Case) -> str | None:
        note = await letters.tell(target, guild, case)
        await _unless(UNKNOWN_MEMBER, guild.kick(target, reason=case.audit_reason))
        return note

    return await services.cases.carry_out(
        guild,
        action="kick",
        target=target,
        moderator=moderator,
        act=act,
        reason=reason,
        origin=origin,
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
    member = await people.present(guild, target)
    people.check(guild, moderator, member, may_time_out)

    async def act(case: Case) -> str | None:
        await member.timeout(case.expires_at, reason=case.audit_reason)
        return await letters.tell(member, guild, case)

    return await services.cases.carry_out(
        guild,
        action="timeout",
        target=member,
        moderator=moderator,
        act=act,
        reason=reason,
        origin=origin,
        expires_at=min(until, datetime.now(UTC) + MAX_TIMEOUT - CLOCK_DOUBT),
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
    member = await people.present(guild, target)
    people.check(guild, moderator, member)
    again = await services.cases.has(guild.id, "untimeout", member.id, origin)
    if not again and not member.is_timed_out():
        raise Refused(NO_TIMEOUT)

    async def act(case: Case) -> None:
        await member.timeout(None, reason=case.audit_reason)

    return await services.cases.carry_out(
        guild,
        action="untimeout",
        target=member,
        moderator=moderator,
        act=act,
        reason=reason,
        origin=origin,
    )


def _deleting(days: int) -> dict[str, Any]:
    """Answer what a case keeps of the messages that go with a user."""
    return {"delete_days": days, "shown": f"Messages deleted of days: {days}."} if days else {}


async def _member_or_gone(
    services: Services, guild: discord.Guild, target: Someone, action: str, origin: int | None
) -> Someone:
    """Answer a member, or whom an earlier handling of the same command may have removed.

    It checked the hierarchy before it opened the case.
    """
    found = await people.find(guild, target)
    if isinstance(found, discord.Member):
        return found
    if await services.cases.has(guild.id, action, found.id, origin):
        return found
    raise Refused(NO_MEMBER)


async def _unless(code: int, deed: Awaitable[object], *, excused: bool = True) -> None:
    """Do it; that Discord says by *code* that it is so already may be *excused*.

    A process that died while it did the same may have done it, or a try whose answer was lost.
    """
    try:
        await deed
    except discord.NotFound as error:
        if not (excused and error.code == code):
            raise
