"""Gathers the commands that somebody may use where they ask, as entries of the catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.permissions import bot_lacks
from bot.commands.replies import unwrap
from bot.commands.usage import signature
from bot.plugins.general.catalogue import Entry, Option

if TYPE_CHECKING:
    from bot.client import Novera

    Context = commands.Context[Novera]
    TextCommand = commands.Command[Any, ..., Any]
    SlashCommand = app_commands.Command[Any, ..., Any]

OTHERS = "Other"
SLASH_ONLY = "Slash commands"
MENUS = "In the menu “Apps”"


async def usable(ctx: Context) -> list[Entry]:
    """Answer the commands that the author may use here; those that are hidden, to the owner."""
    owner = await ctx.bot.is_owner(ctx.author)
    asked = Asked(ctx)
    found = [
        command
        for command in ctx.bot.walk_commands()
        if (owner or not command.hidden) and await asked.may_run(command)
    ]
    names = {command.qualified_name for command in found}
    entries = [_text_entry(ctx, command, names) for command in found]
    return [*entries, *_slash_only(ctx, {entry.name for entry in entries})]


class Asked:
    """Who may run what for one context; what is asked twice is looked up once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._known: dict[TextCommand, bool] = {}

    async def may_run(self, command: TextCommand) -> bool:
        """Answer whether *command*, and the groups that it is in, take the author's word."""
        for each in (*reversed(command.parents), command):
            if each not in self._known:
                self._known[each] = await self._passes(each)
            if not self._known[each]:
                return False
        return True

    async def _passes(self, command: TextCommand) -> bool:
        try:
            return bool(await command.can_run(self._ctx))
        except (commands.CommandError, app_commands.AppCommandError) as error:
            # What the bot lacks is shown with the command; what its user lacks was checked before.
            return isinstance(
                unwrap(error), commands.BotMissingPermissions | app_commands.BotMissingPermissions
            )
        finally:
            await asyncio.sleep(0)  # checks of many commands must not hold up the heartbeat


def _text_entry(ctx: Context, command: TextCommand, names: set[str]) -> Entry:
    extras = command.extras
    bot_needs = tuple(dict.fromkeys(extras.get("bot_needs", ())))
    slash = _slash_half(command)
    prefix = prefix_here(ctx.bot, ctx.guild)
    return Entry(
        group=command.cog_name or OTHERS,
        name=command.qualified_name,
        text=command.description or command.short_doc,
        usage=f"{prefix}{command.qualified_name} {signature(command)}".strip(),
        slash="" if slash is None else _slash_usage(slash),
        aliases=tuple(_alias_names(command)),
        options=tuple(_text_options(command) if slash is None else _slash_options(slash)),
        needs=tuple(dict.fromkeys(extras.get("needs", ()))),
        bot_needs=bot_needs,
        lacking=tuple(bot_lacks(ctx, bot_needs)) if ctx.guild is not None else (),
        examples=tuple(f"{prefix}{_example(command, each)}" for each in extras.get("examples", ())),
        parts=tuple(sorted(name for name in names if _parent(name) == command.qualified_name)),
    )


def prefix_here(bot: Novera, guild: discord.Guild | None) -> str:
    """Answer what text commands begin with; that of a slash command's context is a slash."""
    own = None if guild is None else bot.services.guilds.prefix_of(guild.id)
    return own or bot.settings.command_prefix


def _example(command: TextCommand, example: str) -> str:
    """Examples are what comes after the command."""
    return f"{command.qualified_name} {example}".strip()


def _parent(name: str) -> str:
    return name.rpartition(" ")[0]


def _alias_names(command: TextCommand) -> Iterator[str]:
    parent = f"{command.full_parent_name} ".lstrip()
    for alias in command.aliases:
        yield f"{parent}{alias}"
    if isinstance(command, commands.HybridGroup) and command.fallback:
        yield f"{command.qualified_name} {command.fallback}"


def _slash_half(command: TextCommand) -> SlashCommand | None:
    """A group is a slash command only by its fallback, which bears a name of its own."""
    if isinstance(command, commands.HybridGroup):
        half: Any = command._fallback_command
    else:
        half = getattr(command, "app_command", None)
    return half if isinstance(half, app_commands.Command) else None


def _slash_usage(command: SlashCommand) -> str:
    options = (
        f"{each.display_name}:" if each.required else f"[{each.display_name}:]"
        for each in command.parameters
    )
    return " ".join([f"/{command.qualified_name}", *options])


def _slash_options(command: SlashCommand) -> Iterator[Option]:
    for each in command.parameters:
        text = str(each.description)
        yield Option(
            name=str(each.display_name),
            text="" if text == "…" else text,
            required=each.required,
            choices=tuple(str(choice.value) for choice in each.choices),  # as it is written
        )


def _text_options(command: TextCommand) -> Iterator[Option]:
    for name, each in command.clean_params.items():
        yield Option(
            name=each.displayed_name or name, text=each.description or "", required=each.required
        )


def _slash_only(ctx: Context, known: set[str]) -> Iterator[Entry]:
    for slash in ctx.bot.tree.walk_commands(guild=None):
        if not isinstance(slash, app_commands.Command) or hasattr(slash, "wrapped"):
            continue  # a group, or the slash half of a hybrid command
        if slash.qualified_name not in known and _is_open(ctx, slash):
            yield Entry(
                group=SLASH_ONLY,
                name=slash.qualified_name,
                text=slash.description,
                slash=_slash_usage(slash),
                options=tuple(_slash_options(slash)),
            )
    kinds: Mapping[discord.AppCommandType, str] = {
        discord.AppCommandType.user: "of a user",
        discord.AppCommandType.message: "of a message",
    }
    for kind, where in kinds.items():
        for menu in ctx.bot.tree.get_commands(guild=None, type=kind):
            if isinstance(menu, app_commands.ContextMenu) and _is_open(ctx, menu):
                yield Entry(group=MENUS, name=menu.name, text=f"In the menu {where}.")


def _is_open(ctx: Context, command: SlashCommand | app_commands.ContextMenu) -> bool:
    """A slash command's own checks take an interaction; with any, it is left to Discord's menu."""
    needed = command.default_permissions or discord.Permissions.none()
    return not command.checks and needed <= ctx.permissions
