"""What all acts of moderation have in common: whom they are done to, and their refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.commands.refusals import Refused
from bot.moderation import failures, people
from bot.moderation.case import Case
from bot.moderation.cases import Act

if TYPE_CHECKING:
    from bot.services import Services

Someone = discord.abc.Snowflake
NO_MEMBER = "That user is no member of this server."


async def present(guild: discord.Guild, target: Someone) -> discord.Member:
    """Answer *target* as a member.

    Raises:
        Refused: they are none.
    """
    found = await people.find(guild, target)
    if not isinstance(found, discord.Member):
        raise Refused(NO_MEMBER)
    return found


async def carry_out(
    services: Services,
    guild: discord.Guild,
    action: str,
    target: Someone,
    moderator: Someone,
    act: Act,
    **given: Any,
) -> Case:
    """As `Cases.carry_out`, with what Discord refuses explained.

    Raises:
        Refused: Discord does not do it, for a reason that the moderator can understand.
    """
    try:
        return await services.cases.carry_out(
            guild, action=action, target=target, moderator=moderator, act=act, **given
        )
    except discord.HTTPException as error:
        text = failures.explain(error.status, error.code)
        if text is None:
            raise
        raise Refused(text) from error
