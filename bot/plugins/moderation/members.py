"""Commands for members who stay: timeouts, nicknames, roles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.durations import Duration
from bot.commands.hybrid import hybrid, hybrid_group, sub
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.moderation import actions, memberships
from bot.plugins.moderation import wording
from bot.plugins.moderation.asking import Context, guild_of

if TYPE_CHECKING:
    from bot.client import Novera
    from bot.moderation.case import Case
    from bot.moderation.people import Someone
    from bot.services import Services

    Asked = tuple[Services, discord.Guild, discord.Member, Someone]

MAX_NICK = 32  # characters, of Discord


class Members(commands.Cog, name="Members"):
    """Timeouts, nicknames and roles."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    @hybrid(
        "Keep a member from writing and speaking for a time.",
        guild=True,
        needs=("moderate_members",),
        bot_needs=("moderate_members",),
        examples=("@bob 1h30m calm down",),
    )
    @app_commands.describe(
        member="Whom.",
        duration="For how long, as 10m or 7d; at most 28 days.",
        reason="Why; the member is told.",
    )
    async def timeout(
        self,
        ctx: Context,
        member: discord.Member,
        duration: Duration,
        *,
        reason: str | None = None,
    ) -> None:
        if duration > actions.MAX_TIMEOUT:
            raise Refused("Discord allows timeouts of at most 28 days. A ban can be longer.")
        until = datetime.now(UTC) + duration
        case = await actions.timeout(
            *self._asked(ctx, member), until=until, reason=reason, origin=origin_of(ctx)
        )
        await self._tell(ctx, case, member)

    @hybrid(
        "End a member's timeout.",
        guild=True,
        needs=("moderate_members",),
        bot_needs=("moderate_members",),
        examples=("@bob",),
    )
    @app_commands.describe(member="Whose.", reason="Why.")
    async def untimeout(
        self, ctx: Context, member: discord.Member, *, reason: str | None = None
    ) -> None:
        case = await actions.untimeout(
            *self._asked(ctx, member), reason=reason, origin=origin_of(ctx)
        )
        await self._tell(ctx, case, member)

    @hybrid(
        "Change a member's nickname; without one they have their own name again.",
        guild=True,
        needs=("manage_nicknames",),
        bot_needs=("manage_nicknames",),
        examples=("@bob Robert", "@bob"),
    )
    @app_commands.describe(member="Whose.", nick="The new nickname, at most 32 characters.")
    async def nick(self, ctx: Context, member: discord.Member, *, nick: str | None = None) -> None:
        if nick is not None and len(nick) > MAX_NICK:
            raise Refused(
                f"A nickname has at most {MAX_NICK} characters; that one has {len(nick)}."
            )
        case = await memberships.rename(*self._asked(ctx, member), nick=nick, origin=origin_of(ctx))
        await self._tell(ctx, case, member)

    @hybrid_group(
        "Give and take roles.", guild=True, needs=("manage_roles",), bot_needs=("manage_roles",)
    )
    async def role(self, ctx: Context) -> None:
        raise Refused("Say what to do: `role add` or `role remove`.")

    @sub(role, "Give a member a role.", name="add", examples=("@bob @Helper",))
    @app_commands.describe(
        member="Whom.",
        role="Which; it must be below your highest.",
        reason="For the case and Discord's audit log.",
    )
    async def role_add(
        self,
        ctx: Context,
        member: discord.Member,
        role: discord.Role,
        *,
        reason: str | None = None,
    ) -> None:
        await self._change_role(ctx, member, role, give=True, reason=reason)

    @sub(role, "Take a role from a member.", name="remove", examples=("@bob @Helper",))
    @app_commands.describe(
        member="From whom.",
        role="Which; it must be below your highest.",
        reason="For the case and Discord's audit log.",
    )
    async def role_remove(
        self,
        ctx: Context,
        member: discord.Member,
        role: discord.Role,
        *,
        reason: str | None = None,
    ) -> None:
        await self._change_role(ctx, member, role, give=False, reason=reason)

    async def _change_role(
        self,
        ctx: Context,
        member: discord.Member,
        role: discord.Role,
        *,
        give: bool,
        reason: str | None,
    ) -> None:
        asked = self._asked(ctx, member)
        case = await memberships.change_role(
            *asked, role, give=give, reason=reason, origin=origin_of(ctx)
        )
        await self._tell(ctx, case, member)

    def _asked(self, ctx: Context, member: discord.Member) -> Asked:
        """Answer what every act on a member begins with."""
        return self.bot.services, guild_of(ctx), member, ctx.author

    async def _tell(self, ctx: Context, case: Case, member: discord.Member) -> None:
        await ctx.send(wording.outcome(case, wording.name_of(member.name, member.id)))
