"""What tests of moderation ask: questions and their buttons, letters, bans, cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.moderation.case import Case, Chosen
from tests.community.stage import Stage
from tests.integration.serving import until


def question_of(stage: Stage) -> str:
    """Answer the id of the newest message in #general that has buttons."""
    asked = [message for message in stage.messages() if message.components]
    assert asked, "nothing was asked"
    return str(asked[-1].id)


async def press(stage: Stage, label: str, *, user: str = "mod") -> str:
    """Press a button of the newest question; answers its words once all is done."""
    message = question_of(stage)
    await stage.driver.click(message, label=label, user=user)
    await until(lambda: not _message(stage, message).components)
    return str(_message(stage, message).content)


async def press_in_vain(stage: Stage, label: str, *, user: str = "mod") -> str:
    """Press a button of the newest question; answers the message that comes of it."""
    newest = stage.messages()[-1].id
    await stage.driver.click(question_of(stage), label=label, user=user)
    await until(lambda: stage.messages()[-1].id > newest)
    return str(stage.messages()[-1].content)


def _message(stage: Stage, message_id: str) -> Any:
    return next(each for each in stage.messages() if str(each.id) == message_id)


def letters_to(stage: Stage, user: str) -> list[str]:
    """Answer what the bot wrote to a user directly, oldest first."""
    channel = stage.backend.dm_channels.get(stage.user_id(user))
    if channel is None:
        return []
    return [message.content for message in stage.backend.messages.get(channel, {}).values()]


def is_banned(stage: Stage, user: str) -> bool:
    """Whether a user is banned from the guild."""
    return stage.user_id(user) in stage.guild.bans


def is_member(stage: Stage, user: str) -> bool:
    """Whether a user is a member of the guild."""
    return stage.user_id(user) in stage.guild.members


def audit_reasons(stage: Stage) -> list[str]:
    """Answer the reasons in the audit log, oldest first."""
    return [entry.reason or "" for entry in stage.guild.audit_log_entries]


async def cases_of(stage: Stage, chosen: Chosen | None = None) -> Sequence[Case]:
    """Answer the cases on record, newest first."""
    return await stage.services.cases.newest(stage.guild.id, chosen or Chosen(), limit=100)


def seen_by_the_bot(stage: Stage) -> tuple[discord.Guild, discord.Member, discord.Member]:
    """Answer the guild, bob and mod, as the bot's cache has them."""
    guild = stage.bot.get_guild(stage.guild.id)
    assert guild is not None
    bob, mod = (guild.get_member(stage.user_id(name)) for name in ("bob", "mod"))
    assert bob is not None
    assert mod is not None
    return guild, bob, mod


async def log_channel(stage: Stage) -> int:
    """Make a channel the guild's log channel; answers its id."""
    made = await stage.driver.add_channel("mod-log")
    await until(lambda: stage.bot.get_channel(int(made["id"])) is not None)
    await stage.services.guilds.change(stage.guild.id, log_channel_id=int(made["id"]))
    return int(made["id"])


def logged(stage: Stage, channel_id: int) -> list[Any]:
    """Answer the messages of the log channel, oldest first."""
    return list(stage.backend.messages.get(channel_id, {}).values())


async def raise_above_moderators(stage: Stage, user: str) -> None:
    """Give a user a role above the moderators', below the bot's."""
    backend, guild = stage.backend, stage.guild
    top = max(guild.roles.values(), key=lambda role: int(role.position))  # the bot's
    made = backend.create_role(guild.id, "Senior", position=top.position)
    backend.edit_role(guild.id, top.id, {"position": top.position + 1})
    backend.add_member_role(guild.id, stage.user_id(user), made.id)
    seen = stage.bot.get_guild(guild.id)
    assert seen is not None
    await until(lambda: seen.get_role(made.id) in _roles(seen, stage.user_id(user)))


def _roles(guild: discord.Guild, user_id: int) -> list[discord.Role]:
    member = guild.get_member(user_id)
    return [] if member is None else member.roles


async def bot_may_only(stage: Stage, *names: str) -> None:
    """Leave the bot these permissions, and those that everybody has."""
    seen = stage.bot.get_guild(stage.guild.id)
    assert seen is not None
    asked = discord.Permissions(**dict.fromkeys(names, True))
    own = stage.guild.members[stage.backend.bot_user.id].role_ids
    for role_id in own:
        stage.backend.edit_role(stage.guild.id, role_id, {"permissions": asked.value})
    wanted = asked | seen.default_role.permissions
    await until(lambda: seen.me.guild_permissions == wanted)
