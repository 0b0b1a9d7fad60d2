"""What ends by itself: bans and locks for a time. Timers ask for it, in whatever process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from bot.commands.discord_codes import UNKNOWN_BAN
from bot.commands.replies import explain
from bot.moderation.case import Case
from bot.storage.errors import StorageError
from bot.timers.outcome import DONE, GiveUp, Outcome, Retry

if TYPE_CHECKING:
    from bot.services import Services
    from bot.timers.timer import Timer

log = structlog.get_logger(__name__)

UNSURE_AFTER_S = 30.0  # something about the case is not finished; it is settled soon
AWAY_AFTER_S = 60.0  # Discord or the database does not answer
REFUSED_AFTER_S = 1800.0
MAX_REFUSALS, REFUSED_FOR_S = 48, 86_400.0  # both must be over before it is given up
_AWAY = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, StorageError)

# Ends a case with a case of its own; raises what Discord and the database raise.
End = Callable[[Case, "Timer"], Awaitable[Outcome]]


async def end_on_time(services: Services, timer: Timer, end: End) -> Outcome:
    """End the case that *timer* is about; an outage, however long, only makes it late."""
    try:
        case = await services.cases.by_id(timer.ref or 0)
        standing = await services.cases.standing(case) if case is not None else "over"
        if case is None or standing == "over":
            return DONE  # lifted by somebody, or done anew
        if standing == "unsure":
            return Retry(UNSURE_AFTER_S)
        return await end(case, timer)
    except (discord.Forbidden, discord.NotFound) as error:
        log.warning("case.not_ended", case_id=timer.ref, code=error.code)
        if timer.attempts < MAX_REFUSALS or timer.late_s < REFUSED_FOR_S:
            return Retry(REFUSED_AFTER_S)  # somebody may give the permission back
        return GiveUp(explain(error).text)
    except _AWAY as error:
        log.warning("case.not_ended", case_id=timer.ref, error=type(error).__name__)
        return Retry(AWAY_AFTER_S)


def ban_ender(services: Services) -> Callable[[Timer], Awaitable[Outcome]]:
    """Answer the handler of timers that end bans."""

    async def lift(case: Case, timer: Timer) -> Outcome:
        client = services.client
        guild = client.get_guild(case.guild_id) if client is not None else None
        if client is None or client.user is None or guild is None:
            return GiveUp("the bot is no longer on that server")
        target = discord.Object(case.target_id)

        async def act(lifted: Case) -> str | None:
            try:
                await guild.unban(target, reason=lifted.audit_reason)
            except discord.NotFound as error:
                if error.code != UNKNOWN_BAN:
                    raise
                return "The ban had been lifted already."
            return None

        await services.cases.carry_out(
            guild,
            action="unban",
            target=target,
            moderator=client.user,
            reason=f"The ban of case {case.number} was for a time that is over.",
            origin=timer.id,  # an attempt after a death finds the case of the one before
            act=act,
            shown=True,
        )
        return DONE

    async def end(timer: Timer) -> Outcome:
        return await end_on_time(services, timer, lift)

    return end
