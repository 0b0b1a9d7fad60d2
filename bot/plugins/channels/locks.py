"""Lock a channel, for a while or until it is unlocked, and open it as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.commands.durations import Duration
from bot.commands.hybrid import hybrid
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.moderation.endings import end_on_time
from bot.plugins.channels.channel_lock import held_text
from bot.plugins.channels.locking import Locking
from bot.plugins.channels.overwrites import SPEAKING, SPEAKING_NAMES
from bot.plugins.channels.places import Lockable, check_lockable
from bot.timers.outcome import DONE, Outcome
from bot.views.confirm import ask

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.moderation.case import Case
    from bot.timers.timers import Timer

log = structlog.get_logger(__name__)

TIMER = "channel-unlock"
LONGEST = timedelta(days=365)
UNLOCKABLE = "Only text, voice, stage and forum channels can be locked; a thread has its own lock."
BY_HAND = (
    "{place} was not locked by me, so I know of nothing to restore. @everyone may not write there:"
    " somebody set that by hand; change it in the channel's permissions."
)
OPEN = "{place} is not locked."


class Locks(commands.Cog, name="Locks"):
    """Keep members from writing in a channel, and open it again exactly as it was."""

    features: ClassVar = {"Locks": ("manage_roles", *SPEAKING_NAMES)}

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        self._locking = Locking(bot)

    async def cog_load(self) -> None:
        """Say what ends a lock, and how cases that were left pending are judged."""
        self._forget = self.bot.services.timers.handle(TIMER, self._end_on_time)
        settling = self.bot.services.cases.settling
        settling.judged("lock", self._locking.judge_lock)
        settling.judged("unlock", self._locking.judge_unlock)
        self.bot.services.storage.preload("bot.plugins.channels.store")

    async def cog_unload(self) -> None:
        """Locks that are to end wait until the plugin is there again."""
        self._forget()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Complete what a process died in."""
        self.bot.services.storage.when_open(self._finish_begun, name="locks-take-over")

    async def _finish_begun(self) -> None:
        try:
            await self._locking.finish_begun()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.warning("channel_locks.not_finished", error=type(error).__name__)

    @hybrid(
        "Let only the staff write in a channel, for a while or until it is unlocked.",
        guild=True,
        needs=("manage_channels",),
        bot_needs=("manage_roles",),
        examples=("", "2h raid", "#general 1d"),
    )
    @app_commands.describe(
        channel="This one if none is given.",
        duration="Such as 30m or 2h; it opens by itself then.",
        reason="For the case and Discord's audit log.",
    )
    async def lock(
        self,
        ctx: commands.Context[Any],
        channel: Lockable | None = None,
        duration: Duration | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        place = _place(ctx, channel)
        if duration is not None and duration > LONGEST:
            raise Refused("A lock lasts for a year at most.")
        held = await self._locking.store.held(place.id)
        if held is not None:
            raise Refused(held_text(held, place.mention))
        await self._locking.plan(place.id, place.guild)
        until = "until it is unlocked"
        if duration is not None:
            until = f"until <t:{int((datetime.now(UTC) + duration).timestamp())}:f>"
        await ask(
            ctx,
            f"Lock {place.mention} {until}? Members can read it then, and not write.",
            yes="Lock",
            run=partial(self._lock, place, duration, reason),
        )

    @hybrid(
        "Open a channel that was locked, exactly as it was.",
        guild=True,
        needs=("manage_channels",),
        bot_needs=("manage_roles",),
    )
    @app_commands.describe(
        channel="This one if none is given.", reason="For the case and Discord's audit log."
    )
    async def unlock(
        self,
        ctx: commands.Context[Any],
        channel: Lockable | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        place = _place(ctx, channel)
        if await self._locking.store.held(place.id) is None:
            everyone = place.overwrites_for(place.guild.default_role).pair()[1].value
            text = BY_HAND if everyone & SPEAKING else OPEN
            raise Refused(text.format(place=place.mention))
        await ask(
            ctx,
            f"Unlock {place.mention}? Its permissions become what they were before the lock.",
            yes="Unlock",
            danger=False,
            run=partial(self._unlock, place, reason),
        )

    async def _lock(
        self,
        place: Lockable,
        duration: timedelta | None,
        reason: str | None,
        interaction: discord.Interaction[Any],
    ) -> None:
        check_lockable(interaction.user, place)
        # Counted from the press: the same, whenever it is handled.
        expires_at = interaction.created_at + duration if duration is not None else None

        async def act(case: Case) -> str | None:
            return await self._locking.lock(case, place.guild)

        case = await self.bot.services.cases.carry_out(
            place.guild,
            action="lock",
            target=place,
            moderator=interaction.user,
            reason=reason,
            expires_at=expires_at,
            origin=origin_of(interaction),
            ends=TIMER if expires_at is not None else None,
            act=act,
        )
        opens = f" It opens {discord.utils.format_dt(expires_at, 'R')}." if expires_at else ""
        text = f"🔒 {place.mention} is locked (case {case.number}).{opens}"
        await interaction.followup.send(text)

    async def _unlock(
        self, place: Lockable, reason: str | None, interaction: discord.Interaction[Any]
    ) -> None:
        check_lockable(interaction.user, place)
        case = await self.bot.services.cases.carry_out(
            place.guild,
            action="unlock",
            target=place,
            moderator=interaction.user,
            reason=reason,
            origin=origin_of(interaction),
            act=self._locking.unlock,
        )
        text = f"🔓 {place.mention} is open again (case {case.number})."
        await interaction.followup.send(f"{text}\n{case.note}" if case.note else text)

    async def _end_on_time(self, timer: Timer) -> Outcome:
        return await end_on_time(self.bot.services, timer, self._open)

    async def _open(self, locked: Case, timer: Timer) -> Outcome:
        lock = await self._locking.store.held(locked.target_id)
        me = self.bot.user
        if lock is None or lock.case_id != locked.id or me is None:
            return DONE
        await self.bot.services.cases.carry_out(
            discord.Object(locked.guild_id),
            action="unlock",
            target=discord.Object(locked.target_id),
            moderator=me,
            reason=f"The time of case {locked.number} is over.",
            origin=locked.id,  # the same for each attempt
            act=self._locking.unlock,
            shown=True,
        )
        return DONE


def _place(ctx: commands.Context[Any], channel: Lockable | None) -> Lockable:
    place = channel or ctx.channel
    if not isinstance(place, Lockable):
        raise Refused(UNLOCKABLE)
    check_lockable(ctx.author, place)
    return place
