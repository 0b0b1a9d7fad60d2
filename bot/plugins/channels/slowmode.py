"""Slowmode: how often a member may write in a channel."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.moderation.case import Case
from bot.moments.durations import DurationError, format_duration, parse_duration
from bot.plugins.channels.places import Slowable, check
from bot.views.confirm import ask

if TYPE_CHECKING:
    from bot.client import Novera

MAX_S = 21_600  # Discord's: 6 hours
OFF = frozenset({"off", "none", "0"})


class Slowmode(commands.Cog, name="Slowmode"):
    """How often members may write in a channel."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

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
        check(ctx, place, "manage_channels")
        pause_s = seconds(pause)
        if place.slowmode_delay == pause_s:
            raise Refused(f"{place.mention} {_state(pause_s)} already.")
        question = f"From now on {place.mention} {_state(pause_s)}. Change it?"
        run = partial(self._change, place, pause_s, reason)
        await ask(ctx, question, yes="Change", danger=False, run=run)

    async def _change(
        self,
        place: Slowable,
        pause_s: int,
        reason: str | None,
        interaction: discord.Interaction[Any],
    ) -> None:
        async def act(case: Case) -> str:
            await place.edit(slowmode_delay=pause_s, reason=case.audit_reason)
            return f"It {_state(pause_s)}."

        case = await self.bot.services.cases.carry_out(
            place.guild,
            action="slowmode",
            target=place,
            moderator=interaction.user,
            reason=reason,
            origin=origin_of(interaction),
            extra={"seconds": pause_s, "before": place.slowmode_delay},
            act=act,
        )
        await interaction.followup.send(
            f"{place.mention} {_state(pause_s)} now (case {case.number}).", ephemeral=True
        )


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
