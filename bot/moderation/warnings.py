"""Warnings, and what a guild has set to follow when there are several."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import discord

from bot.commands.refusals import Refused
from bot.guilds.model import WarnThreshold, threshold_reached
from bot.moderation import actions, letters, people
from bot.moderation.case import Case
from bot.moderation.deeds import Someone, carry_out, present

if TYPE_CHECKING:
    from bot.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A warning and what came of it.

    Attributes:
        count: Warnings that hold, this one among them.
        followed: The case of what the guild has set for that many.
        refused: Why that could not be done.
    """

    case: Case
    count: int
    followed: Case | None = None
    refused: str | None = None


async def warn(
    services: Services,
    guild: discord.Guild,
    target: Someone,
    moderator: Someone,
    *,
    reason: str | None,
    expires_at: datetime | None = None,
    origin: int | None = None,
) -> Warned:
    """Warn a member, and do what the guild has set for as many warnings as they have now.

    Args:
        expires_at: From then on the warning does not count.

    Raises:
        Refused: the moderator may not; says why.
    """
    member = await people.find(guild, target)
    if origin is None or not await services.cases.has(guild.id, "warn", member.id, origin):
        member = await present(guild, target)
        people.check(guild, moderator, member)

    async def act(case: Case) -> str | None:
        return await letters.tell(member, guild, case)

    case = await carry_out(
        services,
        guild,
        "warn",
        member,
        moderator,
        act,
        reason=reason,
        expires_at=expires_at,
        origin=origin,
    )
    # Those up to this one: two warnings at a time are two counts, and one handled again is the same
    count = len(await services.cases.active_warnings(guild.id, member.id, up_to=case.number))
    thresholds = (await services.guilds.of(guild.id)).warn_thresholds
    reached = threshold_reached(thresholds, warnings=count)
    if reached is None:
        return Warned(case=case, count=count)
    try:
        followed = await _follow(services, guild, member, reached, case)
    except Refused as error:
        return Warned(case=case, count=count, refused=str(error))
    return Warned(case=case, count=count, followed=followed)


async def _follow(
    services: Services, guild: discord.Guild, member: Someone, reached: WarnThreshold, case: Case
) -> Case:
    """Do it in the bot's own name: whoever set the threshold wants it, not who warned."""
    reason, origin = f"{reached.count} warnings, the last one case {case.number}", case.origin
    expires_at = until_of(reached, datetime.now(UTC))
    if reached.action == "kick":
        return await actions.kick(services, guild, member, guild.me, reason=reason, origin=origin)
    if reached.action == "ban":
        return await actions.ban(
            services,
            guild,
            member,
            guild.me,
            reason=reason,
            expires_at=expires_at,
            origin=origin,
        )
    until = expires_at or datetime.now(UTC) + actions.MAX_TIMEOUT
    return await actions.timeout(
        services, guild, member, guild.me, until=until, reason=reason, origin=origin
    )


def until_of(reached: WarnThreshold, now: datetime) -> datetime | None:
    """Answer when what follows is to end, None for never; timeouts are cut to Discord's limit."""
    if reached.duration_s is None:
        return None
    lasts = timedelta(seconds=reached.duration_s)
    return now + (min(lasts, actions.MAX_TIMEOUT) if reached.action == "timeout" else lasts)
