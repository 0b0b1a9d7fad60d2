"""The commands of reminders; what they mean is decided in the modules beside."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.clock.wall import utc_now
from bot.commands.hybrid import hybrid, hybrid_group, sub
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.moments import timezones
from bot.moments.moments import zone_label
from bot.plugins.reminders import model, reading
from bot.plugins.reminders.delivery import Delivery
from bot.plugins.reminders.items import TOO_MANY, Snooze
from bot.plugins.reminders.repeats import Repeat, anchored, from_text, to_text
from bot.plugins.reminders.telling import Telling
from bot.storage.errors import StorageError
from bot.views.page import listed
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.client import Novera
    from bot.plugins.reminders.store import ReminderStore

    Context = commands.Context[Novera]

log = structlog.get_logger(__name__)

STORE = "bot.plugins.reminders.store"
UNKNOWN = "You have no open reminder {number}. `/reminders list` shows those that you have."
MAX_NUMBER = 2**53 - 1  # Discord's; a larger one would break the database's driver
SILENT = discord.AllowedMentions.none()


class Reminders(commands.Cog):
    """Reminders that come on time, whatever happens to me meanwhile."""

    features: Mapping[str, tuple[str, ...]] = {"Reminders": ("view_channel", "send_messages")}

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        self._made: ReminderStore | None = None
        self._forget: Callable[[], None] | None = None
        self._telling = Telling(self._store)
        self._delivery = Delivery(bot, self._store, now=utc_now, on_failed=self._telling.add)

    async def cog_load(self) -> None:
        """Take what falls due, and the presses of buttons of any age."""
        self.bot.services.storage.preload(STORE)
        self.bot.add_dynamic_items(Snooze)
        self._forget = self.bot.services.timers.handle(model.KIND, self._delivery.deliver)

    async def cog_unload(self) -> None:
        """What falls due waits until the plugin is loaded again."""
        if self._forget is not None:
            self._forget()
        self.bot.remove_dynamic_items(Snooze)

    @hybrid(
        "Remind you of something.",
        aliases=("remindme",),
        examples=("10m tea", "every friday 18:00 tea"),
    )
    @app_commands.describe(
        when="10m, 1h30m, tomorrow 9am, every friday 18:00, 2027-01-31 12:00.",
        text="What to remind you of.",
        repeat="Daily, weekly, monthly, or every 2h.",
    )
    async def remind(
        self,
        ctx: Context,
        when: str,
        *,
        text: str,
        repeat: str | None = None,
    ) -> None:
        now, zone = ctx.message.created_at, await self._timezone(ctx)
        if ctx.interaction is None:
            wish = await reading.of_text(when, text, now=now, timezone=zone)
        else:
            wish = await reading.of_options(when, text, repeat, now=now, timezone=zone)
        new = model.NewReminder(
            user_id=ctx.author.id,
            guild_id=None if ctx.guild is None else ctx.guild.id,
            channel_id=ctx.channel.id,
            message_id=ctx.message.id if ctx.interaction is None else None,
            origin=origin_of(ctx),
            text=reading.checked_text(wish.text),
            due_at=wish.due_at,
            repeat=_kept(wish.repeat, wish.due_at, zone),
            timezone=zone,
        )
        kept = await self._create(new, now)
        await ctx.send(model.promise(kept), allowed_mentions=SILENT)

    @hybrid_group("Your open reminders.", fallback="list", private=True)
    async def reminders(self, ctx: Context) -> None:
        found = await self._store().open_of(ctx.author.id)
        private = ctx.interaction is not None or ctx.guild is None
        here = None if private else ctx.channel.id
        pages = listed(
            [model.entry(each, here=here) for each in found],
            title=f"Your reminders ({len(found)})",
            empty="You have none. `/remind` makes one.",
        )
        await send_pages(ctx, pages, private=True)

    @sub(reminders, "Cancel a reminder.", aliases=("delete", "remove"), private=True)
    @app_commands.describe(number="Its number in the list.")
    async def cancel(self, ctx: Context, number: commands.Range[int, 1, MAX_NUMBER]) -> None:
        now = ctx.message.created_at
        found = await self._store().cancel(number, ctx.author.id, now)
        if found is None and not await self._cancelled(number, ctx.author.id):
            raise Refused(UNKNOWN.format(number=number))
        await ctx.send(f"Reminder {number} is cancelled.", ephemeral=True)

    @sub(reminders, "Change a reminder's time or text.", private=True, examples=("12 2h",))
    @app_commands.describe(
        number="Its number in the list.", when="Another time.", text="Another text."
    )
    async def edit(
        self,
        ctx: Context,
        number: commands.Range[int, 1, MAX_NUMBER],
        when: str | None = None,
        *,
        text: str | None = None,
    ) -> None:
        known = await self._store().get(number)
        if known is None or known.user_id != ctx.author.id or known.state != "pending":
            raise Refused(UNKNOWN.format(number=number))
        now, zone = ctx.message.created_at, await self._timezone(ctx)
        change = await reading.of_edit(
            when, text, by_text=ctx.interaction is None, now=now, timezone=zone
        )
        rule = change.repeat or (None if known.repeat is None else from_text(known.repeat))
        due_at = change.due_at
        changed = await self._store().edit(
            number,
            ctx.author.id,
            due_at=due_at,
            timezone=zone,
            text=change.text,
            repeat=None if due_at is None else _kept(rule, due_at, zone),
        )
        if changed is None:
            raise Refused(UNKNOWN.format(number=number))
        await ctx.send(model.promise(changed), ephemeral=True, allowed_mentions=SILENT)

    @hybrid("Show or set your time zone.", private=True, examples=("Europe/Berlin",))
    @app_commands.describe(name="Such as Europe/Berlin; nothing shows what is set.")
    async def timezone(self, ctx: Context, *, name: str | None = None) -> None:
        now = ctx.message.created_at
        if name is None:
            zone = await self._timezone(ctx)
            await ctx.send(f"Your time zone is {_where(zone, now)}.", ephemeral=True)
            return
        named = await asyncio.to_thread(timezones.valid_timezone, name)
        if named is None:
            found = await asyncio.to_thread(timezones.suggestions, name)
            near = ", ".join(f"`{each}`" for each in found)
            hint = f"Did you mean {near}?" if near else "One looks like `Europe/Berlin` or `UTC+2`."
            raise Refused(f"I don't know that time zone. {hint}")
        await self._store().set_timezone(ctx.author.id, named, now)
        await ctx.send(
            f"Your time zone is now {_where(named, now)}. Reminders that you have keep theirs.",
            ephemeral=True,
        )

    @timezone.autocomplete("name")
    async def _zones(
        self, interaction: discord.Interaction[Novera], current: str
    ) -> list[app_commands.Choice[str]]:
        names = await asyncio.to_thread(timezones.suggestions, current, 20)
        return [app_commands.Choice(name=name, value=name) for name in names]

    @commands.Cog.listener()
    async def on_command_completion(self, ctx: Context) -> None:
        """Somebody is here: tell of what could not be delivered."""
        try:
            await self.bot.services.storage.opened()
            await self._telling.tell(ctx)
        except StorageError as error:  # which everybody is told of already; the next command asks
            log.info("reminder.telling_delayed", error=type(error).__name__)

    def _store(self) -> ReminderStore:
        from bot.plugins.reminders.store import ReminderStore  # SQLAlchemy: not at the start

        if self._made is None:
            self._made = ReminderStore(self.bot.services)
        return self._made

    async def _create(self, new: model.NewReminder, now: datetime) -> model.Reminder:
        from bot.plugins.reminders.store import TooManyError

        try:
            return await self._store().create(new, now)
        except TooManyError as error:
            raise Refused(TOO_MANY) from error

    async def _cancelled(self, number: int, user_id: int) -> bool:
        """A command that runs again finds that it has done its work."""
        known = await self._store().get(number)
        return known is not None and known.user_id == user_id and known.state == "cancelled"

    async def _timezone(self, ctx: Context) -> str:
        own = await self._store().timezone_of(ctx.author.id)
        if own is None and ctx.guild is not None:
            own = (await self.bot.services.guilds.of(ctx.guild.id)).timezone
        return own or timezones.DEFAULT


def _kept(rule: Repeat | None, due_at: datetime, zone: str) -> str | None:
    """Answer what the database keeps of a rule whose first time is *due_at*."""
    return None if rule is None else to_text(anchored(rule, due_at, timezones.zone(zone)))


def _where(zone: str, now: datetime) -> str:
    here = now.astimezone(timezones.zone(zone))
    return f"**{zone_label(zone)}**, where it is {here:%H:%M}"
