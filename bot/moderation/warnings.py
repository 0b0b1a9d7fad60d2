"""Warnings, and what a guild has set to follow when there are several."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import discord

from bot.commands.refusals import Refused
from bot.commands.replies import explain
from bot.guilds.model import WarnThreshold, threshold_reached
from bot.moderation import actions, letters, people
from bot.moderation.case import Case
from bot.moderation.people import Someone

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
    if not await services.cases.has(guild.id, "warn", member.id, origin):
        member = await people.present(guild, target)
        people.check(guild, moderator, member)

    async def act(case: Case) -> str | None:
        return await letters.tell(member, guild, case)

    case = await services.cases.carry_out(
        guild,
        action="warn",
        target=member,
        moderator=moderator,
        act=act,
        reason=reason,
        expires_at=expires_at,
        origin=origin,
    )
    return await follow(services, guild, case)


async def follow(services: Services, guild: discord.Guild, case: Case) -> Warned:
    """Do what the guild has set for as many warnings as there were with that of *case*.

    Once, however often it is asked for, if the warning has an origin.
    """
    count = int(case.extra["count"])
    thresholds = (await services.guilds.of(guild.id)).warn_thresholds
    reached = threshold_reached(thresholds, warnings=count)
    if reached is None:
        return Warned(case=case, count=count)
    try:
        followed = await _follow(services, guild, reached, case)
    except (Refused, discord.HTTPException) as error:
        return Warned(case=case, count=count, refused=explain(error).text)
    return Warned(case=case, count=count, followed=followed)


async def _follow(
    services: Services, guild: discord.Guild, reached: WarnThreshold, case: Case
) -> Case:
    """Do it in the bot's own name: whoever set the threshold wants it, not who warned."""
    member = discord.Object(case.target_id)
    given: dict[str, Any] = {
        "reason": f"{reached.count} warnings, the last one case {case.number}",
        "origin": case.origin,
    }
    if reached.action == "kick":
        return await actions.kick(services, guild, member, guild.me, **given)
    now = datetime.now(UTC)
    lasts = timedelta(seconds=reached.duration_s) if reached.duration_s is not None else None
    if reached.action == "ban":
        until = now + lasts if lasts is not None else None
        return await actions.ban(services, guild, member, guild.me, expires_at=until, **given)
    at_most = now + (lasts or actions.MAX_TIMEOUT)
    return await actions.timeout(services, guild, member, guild.me, until=at_most, **given)
