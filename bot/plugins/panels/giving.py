"""Carries out a press on a panel: checks again, changes as little as it can, tells the member."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import discord
import structlog

from bot.commands.refusals import Refused
from bot.gateway.event import redelivered
from bot.plugins.panels import facts, rules
from bot.plugins.panels.rules import Change, Mode

log = structlog.get_logger(__name__)

GONE = "A role of this panel does not exist any more. Please tell a moderator."
REASON = "self-role panel"

_Key = tuple[int, int]
_pressing: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What a member asked for: a *choice* among the roles, or a *toggle* of one."""

    maker: int
    mode: Mode
    offered: tuple[int, ...]
    choice: tuple[int, ...] = ()
    toggle: int | None = None

    def change(self, held: Iterable[int]) -> Change:
        """Answer what it means for one who has the roles *held*."""
        has = set(held)
        if self.toggle is None:
            return rules.chosen(self.offered, has, self.choice)
        return rules.toggled(self.mode, self.offered, has, self.toggle)


async def give(interaction: discord.Interaction[Any], press: Press) -> None:
    """Carry *press* out for the one who pressed, privately.

    Raises:
        Refused: a role may not be given, or an earlier press is not done yet.
    """
    guild, member = interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        raise Refused("This works on a server only.")
    lock = _pressing.setdefault((guild.id, member.id), asyncio.Lock())
    if lock.locked():
        # What waits for Discord's rate limit must not pile up.
        raise Refused("One moment: your last choice is still being carried out.")
    async with lock:
        answer = await _carry_out(guild, member, press)
    await _tell(interaction, answer)


async def _carry_out(guild: discord.Guild, presser: discord.Member, press: Press) -> str:
    facts.check_means(guild)
    member = await _fresh(guild, presser)
    held = {role.id for role in member.roles}
    change = press.change(held)
    if press.toggle is not None and redelivered():
        # The process died in this press: what it did can't be told from what was there before.
        have = "have" if press.toggle in held else "do not have"
        return f"You {have} <@&{press.toggle}>. Press again to change that."
    giving = [guild.get_role(role_id) for role_id in change.give]
    if None in giving:
        raise Refused(GONE)
    wanted = [role for role in giving if role is not None]
    facts.check(wanted, await facts.givers_of(guild, press.maker))
    # Roles that are gone need not be taken; one that rose above the bot can't be.
    found = [guild.get_role(role_id) for role_id in change.take]
    taking = [role for role in found if role is not None and role.is_assignable()]
    stuck = [role.mention for role in found if role is not None and role not in taking]
    # One by one: a whole new list of roles would undo what others change meanwhile.
    try:
        if wanted:
            await member.add_roles(*wanted, reason=REASON)
        if taking:
            await member.remove_roles(*taking, reason=REASON)
    except discord.NotFound:
        raise Refused(GONE) from None
    log.info("panel.pressed", guild=guild.id, given=len(wanted), taken=len(taking))
    kept = [f"<@&{role_id}>" for role_id in press.offered if role_id in held]
    return rules.told([r.mention for r in wanted], [r.mention for r in taking], kept, stuck)


async def _fresh(guild: discord.Guild, member: discord.Member) -> discord.Member:
    """Answer the member with the roles of this moment.

    An interaction shows the roles at the time of the press, and our cache lags behind what we
    change ourselves: the second of two quick presses would see what was before the first.
    """
    try:
        return await guild.fetch_member(member.id)
    except discord.NotFound:
        raise Refused("You are no longer on this server.") from None


async def _tell(interaction: discord.Interaction[Any], text: str) -> None:
    await interaction.response.send_message(
        text, ephemeral=True, allowed_mentions=discord.AllowedMentions.none()
    )
