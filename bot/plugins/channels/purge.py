"""Purge: delete many messages, after the moderator saw how many that are."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.plugins.channels import deletion, message_links, purge_question
from bot.plugins.channels.filters import Filters, describe
from bot.plugins.channels.pattern import Pattern
from bot.plugins.channels.purge_job import KIND, PurgeJob
from bot.plugins.channels.scan import scan
from bot.views.confirm import ask

if TYPE_CHECKING:
    from bot.client import Novera

MAX_COUNT = 1000


class PurgeOptions(commands.FlagConverter, case_insensitive=True):
    """Which messages; as text: `!purge 50 user: @bob contains: spam`."""

    user: discord.User | None = commands.flag(default=None, description="Only from this user.")
    bots: bool = commands.flag(default=False, description="Only from bots.")
    contains: str | None = commands.flag(default=None, description="Only with these words.")
    regex: str | None = commands.flag(default=None, description="Only what matches this pattern.")
    links: bool = commands.flag(default=False, description="Only with links.")
    attachments: bool = commands.flag(default=False, description="Only with files.")
    after: str | None = commands.flag(
        default=None, description="Only newer than this message (id or link)."
    )
    until: str | None = commands.flag(
        default=None, description="Only this message (id or link) and older ones."
    )
    pinned: bool = commands.flag(default=False, description="Pinned ones too.")
    reason: str | None = commands.flag(default=None, description="For the case.")

    @classmethod
    async def convert(cls, ctx: commands.Context[Any], argument: str) -> Self:
        """As discord.py does; but an option without its colon must not be as none at all."""
        names = "|".join(cls.get_flags())
        if argument.strip() and not re.match(rf"\s*(?:{names}):", argument, re.IGNORECASE):
            raise Refused("I don't understand that. Options have a colon: `user: @bob links: yes`.")
        return await super().convert(ctx, argument)


class Purges(commands.Cog, name="Purge"):
    """Delete many messages at once, after seeing how many they are."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot
        self._job = PurgeJob(bot)

    async def cog_load(self) -> None:
        """Say what does the purges, and how cases that were left pending are judged."""
        self.bot.services.background.handle(KIND, self._job.work, ended=self._job.ended)
        self.bot.services.cases.settling.judged(KIND, self._job.judge)

    async def cog_unload(self) -> None:
        """Purges that wait do so until the plugin is there again."""
        self.bot.services.background.forget(KIND)

    @hybrid(
        "Delete messages of this channel, after showing how many.",
        guild=True,
        needs=("manage_messages",),
        bot_needs=("manage_messages", "read_message_history"),
        examples=("50", "100 user: @bob contains: spam", "200 regex: ^buy now"),
    )
    @app_commands.describe(count="How many of those that match, the newest first.")
    async def purge(
        self,
        ctx: commands.Context[Any],
        count: commands.Range[int, 1, MAX_COUNT],
        *,
        options: PurgeOptions,
    ) -> None:
        filters = _filters(options, ctx.channel.id)
        pattern = Pattern(options.regex) if options.regex is not None else None
        found = await scan(ctx.channel, filters, pattern, before_id=origin_of(ctx), count=count)
        findings = purge_question.Findings(
            choice=deletion.choose(found.ids, now_ms=int(time.time() * 1000)),
            asked_for=describe(filters, options.regex),
            pinned=found.pinned,
            looked_at=found.looked_at,
            reached_end=found.reached_end,
        )
        if not findings.choice.ids:
            raise Refused(purge_question.nothing(findings))
        await ask(
            ctx,
            purge_question.question(findings),
            yes="Delete",
            run=partial(self._begin, ctx.channel.id, findings, options.reason),
        )

    async def _begin(
        self,
        channel_id: int,
        findings: purge_question.Findings,
        reason: str | None,
        interaction: discord.Interaction[Any],
    ) -> None:
        if not interaction.permissions.manage_messages:
            raise Refused("You may not do that any more.")
        await self.bot.services.background.submit(
            KIND,
            interaction,
            title="Purge",
            args={
                "channel_id": channel_id,
                "ids": list(findings.choice.ids),
                "reason": reason,
                "asked_for": findings.asked_for,
            },
        )


def _filters(options: PurgeOptions, channel_id: int) -> Filters:
    return Filters(
        user_id=options.user.id if options.user is not None else None,
        bots=options.bots,
        contains=options.contains,
        links=options.links,
        attachments=options.attachments,
        after_id=_message_id("after", options.after, channel_id),
        until_id=_message_id("until", options.until, channel_id),
        with_pinned=options.pinned,
    )


def _message_id(option: str, text: str | None, channel_id: int) -> int | None:
    if text is None:
        return None
    named = message_links.parse(text)
    if named is None:
        raise Refused(f"`{option}` must be the id of a message, or a link to it.")
    if named.channel_id not in (None, channel_id):
        raise Refused(f"`{option}` names a message of another channel; purge that one there.")
    return named.message_id
