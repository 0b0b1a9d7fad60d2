"""What users are told by direct message before they are kicked or banned."""

from __future__ import annotations

import aiohttp
import discord

from bot.moderation.case import Case
from bot.tasks.timeouts import with_timeout

TIMEOUT_S = 4.0  # nobody is kept on the server by a direct message that won't go out
SENT = "The user was told by direct message."
NOT_SENT = "The user could not be told by direct message."
_VERBS = {
    "ban": "You have been banned from",
    "softban": "You have been removed from",
    "kick": "You have been kicked from",
    "timeout": "You have been timed out on",
    "warn": "You have been warned on",
}


def text_of(case: Case, guild_name: str) -> str:
    """Answer what to tell the one whom *case* is about; the moderator is not named to them."""
    name = discord.utils.escape_markdown(guild_name)
    lines = [f"{_VERBS.get(case.action, 'There is a new case about you on')} **{name}**."]
    if case.expires_at is not None:
        stamp = discord.utils.format_dt
        lines.append(f"Until {stamp(case.expires_at, 'f')} ({stamp(case.expires_at, 'R')}).")
    if case.action == "softban":
        deleted = "Your newest messages were deleted. " if case.extra.get("delete_days") else ""
        lines.append(f"{deleted}You may join again.")
    lines.append(f"Reason: {case.reason}")
    return "\n".join(lines)


async def tell(user: discord.abc.Snowflake, guild: discord.Guild, case: Case) -> str | None:
    """Send it; answers what to note in the case, None where nobody can be told.

    Only members can be told: with others the bot shares no server that it knows of. Sent before
    the act, since afterwards there is none that they share.
    """
    if not isinstance(user, discord.Member) or user.bot:
        return None
    try:
        await with_timeout(user.send(text_of(case, guild.name)), TIMEOUT_S)
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
        return NOT_SENT
    return SENT
