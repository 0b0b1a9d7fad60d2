"""Slowmode: how often a member may write in a channel."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.moderation.case import Case
from bot.moderation.settling import DONE, UNDONE, Verdict
from bot.moments.durations import DurationError, format_duration, parse_duration
from bot.plugins.channels.places import Slowable, check

if TYPE_CHECKING:
    from bot.client import Novera

MAX_S = 21_600  # Discord's: 6 hours
OFF = frozenset({"off", "none", "0"})


class Slowmode(commands.Cog, name="Slowmode"):
    """How often members may write in a channel."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Say how cases that were left pending are judged."""
        self.bot.services.cases.settling.judged("slowmode", judge)

    @hybrid(
        "Let members write in a channel only every so often.",
        guild=True,
        needs=("manage_channels",),
        bot_needs=("manage_channels",),
        examples=("10s", "5m #general raid", "off"),
    )
    @app_commands.describe(
        pause="Such as 10s, 5m or 6h at most; off ends it.",
        channel="This one if none is given.",
        reason="For the case and Discord's audit log.",
    )
    async def slowmode(
        self,
        ctx: commands.Context[Any],
        pause: str,
        channel: Slowable | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        place = channel or ctx.channel
        if not isinstance(place, Slowable):
            raise Refused("That channel has no slowmode.")
        need = "manage_threads" if isinstance(place, discord.Thread) else "manage_channels"
        check(ctx.author, place, need, need)
        pause_s, before_s = seconds(pause), place.slowmode_delay
        cases, origin = self.bot.services.cases, origin_of(ctx)
        again = await cases.has(place.guild.id, "slowmode", place.id, origin)
        if before_s == pause_s and not again:
            raise Refused(f"{place.mention} {_state(pause_s)} already.")

        async def act(case: Case) -> str:
            await place.edit(slowmode_delay=pause_s, reason=case.audit_reason)
            return f"It {_state(pause_s)}."

        case = await cases.carry_out(
            place.guild,
            action="slowmode",
            target=place,
            moderator=ctx.author,
            reason=reason,
            origin=origin,
            extra={"seconds": pause_s, "before": before_s},
            act=act,
        )
        await ctx.send(f"{place.mention} {_state(pause_s)} now (case {case.number}).")


async def judge(guild: discord.Guild, case: Case) -> Verdict:
    """Answer how a change of slowmode went that nobody saw the end of."""
    place = await guild.fetch_channel(case.target_id)
    return DONE if getattr(place, "slowmode_delay", None) == case.extra["seconds"] else UNDONE


def seconds(text: str) -> int:
    """Answer the pause that *text* names.

    Raises:
        Refused: it is none, or too long.
    """
    if text.strip().lower() in OFF:
        return 0
    try:
        pause_s = round(parse_duration(text).total_seconds())
    except DurationError as error:
        raise Refused(str(error)) from error
    if not 1 <= pause_s <= MAX_S:
        raise Refused("Discord's slowmode goes up to 6 hours; `off` ends it.")
    return pause_s


def _state(pause_s: int) -> str:
    if not pause_s:
        return "has no slowmode"
    return f"takes a message of each member every {format_duration(timedelta(seconds=pause_s))}"
