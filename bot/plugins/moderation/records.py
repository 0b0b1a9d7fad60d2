"""Commands about what is on record: warnings and cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.durations import Duration
from bot.commands.hybrid import hybrid, hybrid_group, sub
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.moderation import cards, judging, warnings
from bot.moderation.case import Case, Chosen
from bot.plugins.moderation import lists, wording
from bot.plugins.moderation.asking import Context, guild_of
from bot.views.pages import send_pages

if TYPE_CHECKING:
    from bot.client import Novera

MAX_LISTED = 500  # cases; who looks further back asks for a user or a moderator


class Records(commands.Cog, name="Warnings and cases"):
    """Who was warned, and what moderators have done."""

    features: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Cases in the log channel": ("send_messages", "embed_links")
    }

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Say how cases that were left pending are judged."""
        for action, judge in judging.judges(self.bot.services).items():
            self.bot.services.cases.settling.judged(action, judge)

    @hybrid(
        "Warn a member; what follows several warnings is set by the server.",
        guild=True,
        needs=("moderate_members",),
        examples=("@bob be kind", "@bob 30d be kind"),
    )
    @app_commands.describe(
        member="Whom.",
        duration="For how long the warning counts, as 30d; for good without it.",
        reason="Why; the member is told.",
    )
    async def warn(
        self,
        ctx: Context,
        member: discord.Member,
        duration: Duration | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        made = await warnings.warn(
            self.bot.services,
            guild_of(ctx),
            member,
            ctx.author,
            reason=reason,
            expires_at=datetime.now(UTC) + duration if duration is not None else None,
            origin=origin_of(ctx),
        )
        who = wording.name_of(member.name, member.id)
        told = wording.warned(made.case, who, made.count, made.followed, made.refused)
        await ctx.send(told)

    @hybrid(
        "The warnings of a user, and which of them count now.",
        private=True,
        guild=True,
        needs=("moderate_members",),
        examples=("@bob",),
    )
    @app_commands.describe(user="Whose.")
    async def warnings(self, ctx: Context, user: discord.User) -> None:
        chosen, now = Chosen(target_id=user.id, action="warn"), datetime.now(UTC)
        given = await self.bot.services.cases.newest(guild_of(ctx).id, chosen, limit=MAX_LISTED)
        count = sum(case.is_active(now) for case in given)
        title = f"Warnings of {user.name}: {count} count now"
        await send_pages(ctx, lists.pages(given, title=title, now=now), private=True)

    @hybrid_group(
        "A case on record.",
        fallback="view",
        private=True,
        guild=True,
        needs=("moderate_members",),
        examples=("12",),
    )
    @app_commands.describe(number="Of the case.")
    async def case(self, ctx: Context, number: int) -> None:
        found = await self._case(ctx, number)
        await ctx.send(embed=cards.embed_of(found), ephemeral=True)

    @sub(case, "Give a case another reason.", name="reason", examples=("12 it was a raid",))
    @app_commands.describe(number="Of the case.", reason="The new reason.")
    async def case_reason(self, ctx: Context, number: int, *, reason: str) -> None:
        found = await self._case(ctx, number)
        changed = await self.bot.services.cases.edit_reason(found, reason)
        await ctx.send(f"Case {number} now has the reason: {changed.reason}")

    @hybrid(
        "The newest cases, of all or of one user or moderator.",
        private=True,
        guild=True,
        needs=("moderate_members",),
        examples=("", "@bob"),
    )
    @app_commands.describe(user="About whom.", moderator="By whom.")
    async def cases(
        self,
        ctx: Context,
        user: discord.User | None = None,
        moderator: discord.User | None = None,
    ) -> None:
        chosen = Chosen(
            target_id=user.id if user is not None else None,
            moderator_id=moderator.id if moderator is not None else None,
        )
        found = await self.bot.services.cases.newest(guild_of(ctx).id, chosen, limit=MAX_LISTED)
        pages = lists.pages(found, title="Cases", now=datetime.now(UTC))
        await send_pages(ctx, pages, private=True)

    async def _case(self, ctx: Context, number: int) -> Case:
        found = None
        if 0 < number < 2**31:
            found = await self.bot.services.cases.get(guild_of(ctx).id, number)
        if found is None:
            raise Refused(f"There is no case {number} on this server.")
        return found
