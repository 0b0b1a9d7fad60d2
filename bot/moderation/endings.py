"""What ends by itself: bans for a time. Timers ask for it, in whatever process it falls due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from bot.moderation import failures
from bot.moderation.case import Case
from bot.storage.errors import StorageError
from bot.timers.outcome import DONE, GiveUp, Outcome, Retry

if TYPE_CHECKING:
    from bot.services import Services
    from bot.timers.timer import Timer

log = structlog.get_logger(__name__)

AWAY_AFTER_S = 60.0  # Discord or the database does not answer
REFUSED_AFTER_S, MAX_REFUSALS = 1800.0, 48  # for a day
_AWAY = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, StorageError)


def ban_ender(services: Services) -> Callable[[Timer], Awaitable[Outcome]]:
    """Answer the handler of timers that end bans."""

    async def end(timer: Timer) -> Outcome:
        case = await services.cases.by_id(timer.ref or 0)
        if case is None or not await services.cases.is_due(case):
            return DONE  # lifted by somebody, or banned anew
        client = services.client
        guild = client.get_guild(case.guild_id) if client is not None else None
        if guild is None:
            return GiveUp("the bot is no longer on that server")
        return await _lift(services, guild, case, timer)

    return end


async def _lift(services: Services, guild: discord.Guild, case: Case, timer: Timer) -> Outcome:
    """Unban with a case of its own; an outage, however long, only makes it late."""

    async def act(lifted: Case) -> str | None:
        try:
            await guild.unban(discord.Object(case.target_id), reason=lifted.audit_reason)
        except discord.NotFound as error:
            if error.code != failures.UNKNOWN_BAN:
                raise
            return "The ban had been lifted already."
        return None

    try:
        await services.cases.carry_out(
            guild,
            action="unban",
            target=discord.Object(case.target_id),
            moderator=guild.me,
            reason=f"The ban of case {case.number} was for a time that is over.",
            origin=timer.id,  # an attempt after a death finds the case of the one before
            act=act,
        )
    except (discord.Forbidden, discord.NotFound) as error:
        log.warning("ban.not_ended", case_id=case.id, code=error.code)
        if timer.attempts < MAX_REFUSALS:  # somebody may give the permission back
            return Retry(REFUSED_AFTER_S)
        return GiveUp(failures.explain(error.status, error.code) or str(error.code))
    except _AWAY as error:
        log.warning("ban.not_ended", case_id=case.id, error=type(error).__name__)
        return Retry(AWAY_AFTER_S)
    return DONE
