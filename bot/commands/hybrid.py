"""The decorators of this project's own commands: slash and text, one name each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.permissions import author_lacks, bot_lacks
from bot.commands.twins import TwinCommand, TwinGroup

Decorator = Callable[[Any], Any]


def hybrid(
    description: str,
    *,
    name: str | None = None,
    aliases: Sequence[str] = (),
    private: bool = False,
    guild: bool = False,
    needs: Sequence[str] = (),
    bot_needs: Sequence[str] = (),
    examples: Sequence[str] = (),
) -> Callable[[Any], TwinCommand]:
    """Make a method a hybrid command named as the method.

    Args:
        description: Shown in Discord's menu and in help.
        name: When it is not that of the method.
        aliases: Of the text command.
        private: When the command is slow, it is deferred for the user alone.
        guild: It does not work in direct messages.
        needs: Permissions that its user must have; names of `discord.Permissions`.
        bot_needs: Permissions that the bot must have; the preflight of ``/status`` lists them.
        examples: What to write after the command, for help.
    """
    given = _given(description, name, aliases, private, bot_needs, examples)
    make: Decorator = functools.partial(TwinCommand, **given)
    return _checked(make, guild=guild, needs=needs, bot_needs=bot_needs, top=True)


def hybrid_group(
    description: str,
    *,
    name: str | None = None,
    aliases: Sequence[str] = (),
    fallback: str | None = None,
    private: bool = False,
    guild: bool = False,
    needs: Sequence[str] = (),
    bot_needs: Sequence[str] = (),
    examples: Sequence[str] = (),
) -> Callable[[Any], TwinGroup]:
    """Make a method a group of hybrid commands.

    Args:
        fallback: Name of the subcommand that the group itself is as a slash command.

    The others are as in `hybrid`; what is needed for the group is needed for all in it.
    """
    given = _given(description, name, aliases, private, bot_needs, examples)
    make: Decorator = functools.partial(
        TwinGroup, fallback=fallback, case_insensitive=True, **given
    )
    return _checked(make, guild=guild, needs=needs, bot_needs=bot_needs, top=True)


def sub(
    group: commands.HybridGroup[Any, ..., Any],
    description: str,
    *,
    name: str | None = None,
    aliases: Sequence[str] = (),
    private: bool = False,
    needs: Sequence[str] = (),
    bot_needs: Sequence[str] = (),
    examples: Sequence[str] = (),
) -> Callable[[Any], TwinCommand]:
    """Make a method a subcommand of *group*, which is checked with it; arguments as in `hybrid`."""
    extras = dict(group.extras)
    needs = (*extras.get("needs", ()), *needs)
    bot_needs = (*extras.get("bot_needs", ()), *bot_needs)
    given = _given(description, name, aliases, private, bot_needs, examples)
    make: Decorator = group.command(**given)
    guild = bool(extras.get("guild"))
    return _checked(make, guild=guild, needs=needs, bot_needs=bot_needs, top=False)


def _needing(needs: Sequence[str]) -> Decorator:
    def allowed(ctx: commands.Context[Any]) -> bool:
        if missing := author_lacks(ctx, needs):
            raise commands.MissingPermissions(missing)
        return True

    decorator: Decorator = commands.check(allowed)
    return decorator


def _bot_needing(needs: Sequence[str]) -> Decorator:
    def allowed(ctx: commands.Context[Any]) -> bool:
        if missing := bot_lacks(ctx, needs):
            raise commands.BotMissingPermissions(missing)
        return True

    decorator: Decorator = commands.check(allowed)
    return decorator


def _given(
    description: str,
    name: str | None,
    aliases: Sequence[str],
    private: bool,
    bot_needs: Sequence[str],
    examples: Sequence[str],
) -> dict[str, Any]:
    extras: dict[str, Any] = {"ephemeral": True} if private else {}
    given: dict[str, Any] = {"description": description, "extras": extras}
    if bot_needs:
        extras["bot_needs"] = tuple(bot_needs)
    if examples:
        extras["examples"] = tuple(examples)
    if name is not None:
        given["name"] = name
    if aliases:
        given["aliases"] = list(aliases)
    return given


def _checked(
    make: Decorator, *, guild: bool, needs: Sequence[str], bot_needs: Sequence[str], top: bool
) -> Decorator:
    """Answer *make* with its checks; Discord's menu knows permissions of top commands only."""

    def decorate(function: Any) -> Any:
        # Checked first is what is put on last: the place, then the user, then the bot.
        if bot_needs:
            function = _bot_needing(bot_needs)(function)
        if needs:
            asked = discord.Permissions(**dict.fromkeys(needs, True))  # which knows their names
            function = _needing(needs)(function)
            if top:
                function = app_commands.default_permissions(asked)(function)
        if guild or needs or bot_needs:
            function = commands.guild_only()(function)
        command = make(function)
        # discord.py would turn the function's own list around with each copy.
        command.checks = list(command.checks)
        command.extras |= {"needs": tuple(needs), "guild": guild or bool(needs or bot_needs)}
        return command

    return decorate
