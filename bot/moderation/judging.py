"""What became of acts on users that nobody saw the end of, by what Discord shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import discord

from bot.commands.discord_codes import UNKNOWN_BAN
from bot.moderation import people, warnings
from bot.moderation.case import Case
from bot.moderation.reasons import is_of
from bot.moderation.settling import DONE, UNDONE, Judge, Verdict

if TYPE_CHECKING:
    from bot.services import Services

MAX_ENTRIES = 1000  # of the audit log, by the bot itself, since the case
DOUBT = timedelta(seconds=5)  # of times that Discord rounds, and of its clock
GONE = "They are no longer a member."
NOT_TOLD = "I was interrupted in this, and can't tell whether the user was told."
Action = discord.AuditLogAction


def judges(services: Services) -> Mapping[str, Judge]:
    """Answer who judges the cases of each action on users."""
    return {
        "ban": _banned,
        "unban": _unbanned,
        "softban": _softbanned,
        "kick": partial(_removed, Action.kick),
        "timeout": _timed_out,
        "untimeout": _timeout_ended,
        "nick": _renamed,
        "role_add": _role_changed,
        "role_remove": _role_changed,
        "warn": partial(_warned, services),
    }


async def _banned(guild: discord.Guild, case: Case) -> Verdict:
    held = await _ban(guild, case)
    if held is not None:
        return DONE
    return Verdict(went="undone", why="The user is not banned.")


async def _unbanned(guild: discord.Guild, case: Case) -> Verdict:
    held = await _ban(guild, case)
    if held is None:
        return DONE
    return Verdict(went="undone", why="The user is banned.")


async def _softbanned(guild: discord.Guild, case: Case) -> Verdict:
    """One that came to its first half is completed: nobody wanted that ban to last."""
    held = await _ban(guild, case)
    if held is None:
        return await _removed(Action.ban, guild, case)
    if not is_of(held.reason, case.number):
        return Verdict(went="undone", why="The user is banned for another reason.")
    await guild.unban(held.user, reason=case.audit_reason)
    return Verdict(went="done", why="The ban was still there; I have lifted it.")


async def _removed(action: Action, guild: discord.Guild, case: Case) -> Verdict:
    """Who is gone may have left by themselves, and who is there may have come back."""
    found = await people.find(guild, discord.Object(case.target_id))
    if isinstance(found, discord.Member):
        joined_at = found.joined_at
        if joined_at is not None and joined_at < case.created_at - DOUBT:
            return Verdict(went="undone", why="The user is still a member.")
    return await _audited(action, guild, case)


async def _timed_out(guild: discord.Guild, case: Case) -> Verdict:
    found = await people.find(guild, discord.Object(case.target_id))
    until = found.timed_out_until if isinstance(found, discord.Member) else None
    if until is not None and case.expires_at is not None and abs(until - case.expires_at) < DOUBT:
        return DONE
    return await _audited(Action.member_update, guild, case)


async def _timeout_ended(guild: discord.Guild, case: Case) -> Verdict:
    found = await people.find(guild, discord.Object(case.target_id))
    if not isinstance(found, discord.Member):
        return Verdict(went="unknown", why=GONE)
    return UNDONE if found.is_timed_out() else DONE


async def _renamed(guild: discord.Guild, case: Case) -> Verdict:
    found = await people.find(guild, discord.Object(case.target_id))
    if isinstance(found, discord.Member) and found.nick == case.extra.get("nick"):
        return DONE
    return await _audited(Action.member_update, guild, case)


async def _role_changed(guild: discord.Guild, case: Case) -> Verdict:
    found = await people.find(guild, discord.Object(case.target_id))
    if not isinstance(found, discord.Member):
        return Verdict(went="unknown", why=GONE)
    has_it = found.get_role(int(case.extra.get("role_id", 0))) is not None
    return DONE if has_it is (case.action == "role_add") else UNDONE


async def _ban(guild: discord.Guild, case: Case) -> discord.BanEntry | None:
    try:
        return await guild.fetch_ban(discord.Object(case.target_id))
    except discord.NotFound as error:
        if error.code != UNKNOWN_BAN:
            raise
        return None


async def _audited(action: Action, guild: discord.Guild, case: Case) -> Verdict:
    """Answer by Discord's audit log, in which the reason of an act names its case."""
    if not guild.me.guild_permissions.view_audit_log:
        return Verdict(went="unknown", why="I would need **View Audit Log** to know.")
    entries = guild.audit_logs(
        limit=MAX_ENTRIES, user=guild.me, action=action, after=case.created_at - DOUBT
    )
    async for entry in entries:
        if is_of(entry.reason, case.number):
            return DONE
    return UNDONE


async def _warned(services: Services, guild: discord.Guild, case: Case) -> None:
    """A warning is its case; who is warned may not know of it, and what follows it still does."""
    given = await services.cases.finish(case, NOT_TOLD)
    await warnings.follow(services, guild, given)
