"""Commands that remove users: ban, unban, softban, kick."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.durations import Duration
from bot.commands.hybrid import hybrid
from bot.commands.origins import origin_of
from bot.moderation import actions, endings, people
from bot.moderation.reasons import reason_of
from bot.plugins.moderation import wording
from bot.plugins.moderation.asking import Context, confirmed, guild_of
from bot.plugins.moderation.delete_days import DeleteDays

if TYPE_CHECKING:
    from bot.client import Novera


class Bans(commands.Cog, name="Bans and kicks"):
    """Remove members, for a while or for good, and let them come back."""

    features: ClassVar[Mapping[str, tuple[str, ...]]] = {"Bans for a time": ("ban_members",)}

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Bans that end by themselves are ended here, also those of an earlier process."""
        end = endings.ban_ender(self.bot.services)
        self._forget = self.bot.services.timers.handle(actions.BAN_END, end)

    async def cog_unload(self) -> None:
        """Those that are due wait until the plugin is there again."""
        self._forget()

    @hybrid(
        "Ban a member, or any user by id; for a time or for good.",
        private=True,
        guild=True,
        needs=("ban_members",),
        bot_needs=("ban_members",),
        examples=("@bob spam", "@bob 7d 1 spam", "123456789012345678 raid"),
    )
    @app_commands.describe(
        user="Whom; an id works for those who are not here.",
        duration="For how long, as 12h or 7d; for good without it.",
        delete_days="Delete their messages of so many days, 0 to 7.",
        reason="Why; the user is told.",
    )
    async def ban(
        self,
        ctx: Context,
        user: discord.User,
        duration: Duration | None = None,
        delete_days: DeleteDays | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        guild, days = guild_of(ctx), delete_days or 0
        target = await people.find(guild, user)
        people.check(guild, ctx.author, target)
        who = wording.name_of(user.name, user.id)

        def until() -> datetime | None:
            return datetime.now(UTC) + duration if duration is not None else None

        async def do(moderator: people.Someone) -> str:
            case = await actions.ban(
                self.bot.services,
                guild,
                user,
                moderator,
                reason=reason,
                delete_days=days,
                expires_at=until(),
                origin=origin_of(ctx),
            )
            return wording.outcome(case, who)

        is_member = isinstance(target, discord.Member)
        details = wording.ban_details(until(), days, is_member=is_member)
        asked = wording.question("Ban", who, details=details, reason=reason_of(reason))
        await confirmed(ctx, asked, yes="Ban", needs="ban_members", do=do)

    @hybrid(
        "Lift a ban.",
        guild=True,
        needs=("ban_members",),
        bot_needs=("ban_members",),
        examples=("123456789012345678 appeal accepted",),
    )
    @app_commands.describe(user="Whom, by id.", reason="Why.")
    async def unban(self, ctx: Context, user: discord.User, *, reason: str | None = None) -> None:
        case = await actions.unban(
            self.bot.services,
            guild_of(ctx),
            user,
            ctx.author,
            reason=reason,
            origin=origin_of(ctx),
        )
        await ctx.send(wording.outcome(case, wording.name_of(user.name, user.id)))

    @hybrid(
        "Remove a member with their newest messages; they may join again.",
        private=True,
        guild=True,
        needs=("ban_members",),
        bot_needs=("ban_members",),
        examples=("@bob hacked account",),
    )
    @app_commands.describe(
        member="Whom.",
        delete_days="Delete their messages of so many days, 0 to 7; 1 without it.",
        reason="Why; the member is told.",
    )
    async def softban(
        self,
        ctx: Context,
        member: discord.Member,
        delete_days: DeleteDays | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        guild, days = guild_of(ctx), 1 if delete_days is None else delete_days
        people.check(guild, ctx.author, member)
        who = wording.name_of(member.name, member.id)

        async def do(moderator: people.Someone) -> str:
            case = await actions.softban(
                self.bot.services,
                guild,
                member,
                moderator,
                reason=reason,
                delete_days=days,
                origin=origin_of(ctx),
            )
            return wording.outcome(case, who)

        details = wording.softban_details(days)
        asked = wording.question("Softban", who, details=details, reason=reason_of(reason))
        await confirmed(ctx, asked, yes="Softban", needs="ban_members", do=do)

    @hybrid(
        "Remove a member; they may join again.",
        private=True,
        guild=True,
        needs=("kick_members",),
        bot_needs=("kick_members",),
        examples=("@bob behave",),
    )
    @app_commands.describe(member="Whom.", reason="Why; the member is told.")
    async def kick(
        self, ctx: Context, member: discord.Member, *, reason: str | None = None
    ) -> None:
        guild, origin = guild_of(ctx), origin_of(ctx)
        people.check(guild, ctx.author, member)
        who = wording.name_of(member.name, member.id)

        async def do(moderator: people.Someone) -> str:
            case = await actions.kick(
                self.bot.services, guild, member, moderator, reason=reason, origin=origin
            )
            return wording.outcome(case, who)

        asked = wording.question("Kick", who, details=(), reason=reason_of(reason))
        await confirmed(ctx, asked, yes="Kick", needs="kick_members", do=do)

    @commands.Cog.listener()
    async def on_member_unban(self, guild: discord.Guild, user: discord.User) -> None:
        """Whoever lifted it: a ban that is over must not be ended again, should a new one come."""
        await self.bot.services.cases.end_all(guild.id, user.id, "ban")
