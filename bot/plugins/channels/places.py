"""Which channel a command is about, and who may do what there."""

from __future__ import annotations

import discord

from bot.commands import wording
from bot.commands.refusals import Refused
from bot.plugins.channels.overwrites import SPEAKING_NAMES

Lockable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
Slowable = Lockable | discord.Thread


def check(author: discord.abc.User, place: Slowable, need: str, own_need: str) -> None:
    """See that *author* has *need* in *place*, and the bot *own_need*.

    The checks of a command are about the channel in which it is given, at the time when it is.

    Raises:
        Refused: says what is missing.
    """
    if not isinstance(author, discord.Member):
        raise Refused("This works on a server only.")
    if not getattr(place.permissions_for(author), need):
        raise Refused(f"You need {_named(need)} in {place.mention} for this.")
    own = place.permissions_for(place.guild.me)
    missing = [each for each in ("view_channel", own_need) if not getattr(own, each)]
    if missing:
        raise Refused(f"I need {_named(*missing)} in {place.mention} for this.")


def check_lockable(author: discord.abc.User, place: Lockable) -> None:
    """See that *author* may have the bot lock and open *place*.

    Nobody can deny others what they may not do themselves, says Discord; so this bot neither.
    Source: https://discord.com/developers/docs/resources/channel#edit-channel-permissions

    Raises:
        Refused: says what is missing.
    """
    check(author, place, "manage_channels", "manage_roles")
    me = place.guild.me
    own = me.guild_permissions | place.permissions_for(me)
    missing = [name for name in SPEAKING_NAMES if not getattr(own, name)]
    if missing:
        raise Refused(f"I can deny others only what I may do myself: I need {_named(*missing)}.")


def _named(*names: str) -> str:
    return wording.listed(f"**{wording.permission(name)}**" for name in names)
