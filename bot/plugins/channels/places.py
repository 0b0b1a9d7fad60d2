"""Which channel a command is about, and who may do what there."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from bot.commands.refusals import Refused

Lockable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
Slowable = Lockable | discord.Thread


def check(
    ctx: commands.Context[Any], channel: discord.abc.GuildChannel | discord.Thread, *bot_needs: str
) -> None:
    """See that the author may manage *channel*, and the bot has *bot_needs* there.

    The checks of a command are about the channel in which it is given.

    Raises:
        Refused: says what is missing.
    """
    author = ctx.author
    if not isinstance(author, discord.Member) or ctx.guild is None:
        raise Refused("This works on a server only.")
    if not channel.permissions_for(author).manage_channels:
        raise Refused(f"You need **Manage Channels** in {channel.mention} for this.")
    own = channel.permissions_for(ctx.guild.me)
    missing = [need for need in ("view_channel", *bot_needs) if not getattr(own, need)]
    if missing:
        names = " and ".join(f"**{need.replace('_', ' ').title()}**" for need in missing)
        raise Refused(f"I need {names} in {channel.mention} for this.")
