"""Discord's own polls, asked for by command."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.hybrid import hybrid_group, sub
from bot.commands.refusals import Refused
from bot.plugins.server.ballot import BallotError, ballot

if TYPE_CHECKING:
    from bot.client import Novera

    Ctx = commands.Context[Novera]

# Not `Message | None = None`: that would take a message that is gone for the newest poll.
NEWEST = commands.parameter(default=None, displayed_default="the newest")
SEARCHED = 50  # messages of a channel, for its newest poll


class Polls(commands.Cog, name="Polls"):
    """Questions with answers to choose from."""

    def __init__(self, bot: Novera) -> None:
        self.bot = bot

    @hybrid_group(
        "Ask the channel something.",
        fallback="start",
        guild=True,
        needs=("send_polls",),
        bot_needs=("send_polls",),
        examples=('"Which day?" "Monday | Tuesday" 48',),
    )
    @app_commands.describe(
        question="What is asked.",
        answers="2 to 10 answers with | between them.",
        hours="How long it lasts, up to 768; one day if left out.",
        multiple="Whether several answers may be chosen.",
    )
    async def poll(
        self, ctx: Ctx, question: str, answers: str, hours: int = 24, multiple: bool = False
    ) -> None:
        try:
            asked = ballot(question, answers, hours=hours, multiple=multiple)
        except BallotError as error:
            raise Refused(str(error)) from error
        poll = discord.Poll(
            question=asked.question, duration=timedelta(hours=asked.hours), multiple=asked.multiple
        )
        for answer in asked.answers:
            poll.add_answer(text=answer)
        # A reply: the poll names who asked, which lets them end it.
        if ctx.interaction is None:
            asked_by = ctx.message.to_reference(fail_if_not_exists=False)
            await ctx.send(poll=poll, reference=asked_by, mention_author=False)
        else:
            await ctx.send(poll=poll)

    @sub(poll, "End a poll that you started, or any if you manage messages.", private=True)
    @app_commands.describe(message="Link or id of the poll; the newest one here if left out.")
    async def end(self, ctx: Ctx, message: discord.Message = NEWEST) -> None:
        found = message or await _newest(ctx)
        if found is None:
            raise Refused(f"None of the newest {SEARCHED} messages here is a poll of mine.")
        if found.guild != ctx.guild or found.author != self.bot.user or found.poll is None:
            raise Refused("That is no poll of mine.")
        if found.poll.is_finalised():
            raise Refused("That poll has ended already.")
        manages = isinstance(ctx.author, discord.Member) and (
            found.channel.permissions_for(ctx.author).manage_messages
        )
        if not manages and await _asker(found) != ctx.author.id:
            raise Refused("Only who started it, and who may manage messages, may end a poll.")
        await found.end_poll()
        await ctx.send(f"Ended: {found.jump_url}", ephemeral=True)


async def _newest(ctx: Ctx) -> discord.Message | None:
    async for message in ctx.channel.history(limit=SEARCHED):
        ours = message.author == ctx.me and message.poll is not None
        if ours and message.poll is not None and not message.poll.is_finalised():
            return message
    return None


async def _asker(message: discord.Message) -> int | None:
    """Answer who asked for a poll, None if nobody knows any more."""
    if message.interaction_metadata is not None:
        return message.interaction_metadata.user.id
    reference = message.reference
    if reference is None or reference.message_id is None:
        return None
    try:
        asked = await message.channel.fetch_message(reference.message_id)
    except (discord.NotFound, discord.Forbidden):
        return None
    return asked.author.id
