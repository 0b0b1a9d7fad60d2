"""Changes one setting on somebody's behalf, after all checks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import discord

from bot.commands.refusals import Refused
from bot.guilds import templates
from bot.guilds.model import MAX_IGNORED, GuildSettings
from bot.guilds.templates import TemplateError
from bot.plugins.settings import entry, granting
from bot.plugins.settings.entry import EntryError

if TYPE_CHECKING:
    from bot.client import Novera

Channels = Literal["log_channel_id", "welcome_channel_id"]
Roles = Literal["autorole_id", "ticket_role_id"]
Written = Literal["welcome_text", "leave_text", "prefix", "timezone", "warn_thresholds"]
MAX_REPEATED = 1500  # characters of a text that was refused; its writer wants it back


@functools.cache
def _zones() -> frozenset[str]:
    import zoneinfo  # not for the first second

    return frozenset(zoneinfo.available_timezones())


async def write(bot: Novera, guild_id: int, name: Written, text: str) -> GuildSettings:
    """Set what is written; an empty text takes the setting away.

    Raises:
        Refused: it can't be used.
    """
    value: object = None
    if text.strip():
        try:
            value = await _meant(name, text)
        except (EntryError, TemplateError) as error:
            problem = str(error)
            if name in ("welcome_text", "leave_text"):
                quoted = text.replace("```", "'''")[:MAX_REPEATED]
                problem = f"{problem} You wrote:\n```\n{quoted}\n```"
            raise Refused(problem) from None
    elif name == "warn_thresholds":
        value = ()
    return await bot.services.guilds.change(guild_id, **{name: value})


async def _meant(name: Written, text: str) -> object:
    match name:
        case "prefix":
            return entry.prefix(text)
        case "timezone":
            return entry.timezone(text, await asyncio.to_thread(_zones))
        case "warn_thresholds":
            return entry.thresholds(text)
        case "welcome_text" | "leave_text":
            templates.check(text)
            return text.strip()


async def choose_channel(
    bot: Novera,
    guild: discord.Guild,
    name: Channels,
    channel_id: int | None,
) -> GuildSettings:
    """Set a channel.

    Raises:
        Refused: the bot can't write there.
    """
    if channel_id is not None:
        channel = guild.get_channel(channel_id)
        if not isinstance(channel, discord.TextChannel):
            raise Refused("That must be a text channel that I can see.")
        allowed = channel.permissions_for(guild.me)
        if not (allowed.view_channel and allowed.send_messages):
            raise Refused(f"I may not send messages in {channel.mention}. Allow it, then choose.")
        if name == "log_channel_id" and not allowed.embed_links:
            raise Refused(
                f"I may not embed links in {channel.mention}, and show what happened as embeds."
                " Allow it, then choose."
            )
    return await bot.services.guilds.change(guild.id, **{name: channel_id})


async def switch(
    bot: Novera, guild_id: int, name: Literal["autorole_bots"], text: str
) -> GuildSettings:
    """Switch something on or off, as it is written; an empty text switches it off.

    Raises:
        Refused: it says neither.
    """
    try:
        is_on = entry.yes(text) if text.strip() else False
    except EntryError as error:
        raise Refused(str(error)) from None
    return await bot.services.guilds.change(guild_id, **{name: is_on})


async def leave_out(bot: Novera, guild: discord.Guild, ids: Sequence[int]) -> GuildSettings:
    """Let the audit log tell nothing of some channels, and of what lies in them.

    Raises:
        Refused: there are too many.
    """
    if len(ids) > MAX_IGNORED:
        raise Refused(f"At most {MAX_IGNORED} channels can be left out.")
    return await bot.services.guilds.change(guild.id, audit_ignored=tuple(dict.fromkeys(ids)))


async def choose_role(
    bot: Novera,
    chooser: discord.Member,
    name: Roles,
    role_id: int | None,
) -> GuildSettings:
    """Set a role.

    Raises:
        Refused: it can't be used, or not by this member.
    """
    guild = chooser.guild
    if role_id is not None:
        role = guild.get_role(role_id)
        if role is None or role.is_default():
            raise Refused("That must be a role of this server.")
        if name == "autorole_id":
            _check_autorole(chooser, role)
    return await bot.services.guilds.change(guild.id, **{name: role_id})


def _check_autorole(chooser: discord.Member, role: discord.Role) -> None:
    guild = chooser.guild
    problem = granting.problem(
        granting.RoleFacts(position=role.position, held_back=role.managed or role.is_default()),
        granting.Chooser(
            is_owner=chooser.id == guild.owner_id,
            may_manage_roles=chooser.guild_permissions.manage_roles,
            top_position=chooser.top_role.position,
        ),
        bot_top_position=guild.me.top_role.position,
    )
    if problem is not None:
        raise Refused(problem)


def written(settings: GuildSettings, name: Written) -> str:
    """Answer what `write` would read as the present setting."""
    if name == "warn_thresholds":
        return entry.written(settings.warn_thresholds)
    value: Any = getattr(settings, name)
    return str(value or "")
