"""How a text command is written, for its users. Pure."""

from __future__ import annotations

from types import UnionType
from typing import Any, Union, get_args, get_origin

import discord
from discord.ext import commands

FLAGS = "[option: value …]"


def signature(command: commands.Command[Any, ..., Any]) -> str:
    """Answer what comes after a command's name: `<…>` must be given, `[…]` may be.

    As discord.py's `Command.signature`, but every argument goes by its name, a choice as well, and
    a default is what somebody would write.
    """
    if command.usage is not None:
        return command.usage
    return " ".join(_argument(each) for each in command.clean_params.values())


def _argument(parameter: commands.Parameter) -> str:
    kind: Any = parameter.converter
    many = isinstance(kind, commands.Greedy) or parameter.kind is parameter.VAR_POSITIONAL
    if isinstance(kind, type) and issubclass(kind, commands.FlagConverter):
        return FLAGS
    name = parameter.displayed_name or parameter.name
    if discord.Attachment in (kind, *get_args(kind)):
        name += " (a file)"
    if many:
        name += " …"
    elif default := _default(parameter):
        name += f"={default}"
    may_be_skipped = many or not parameter.required or _takes_nothing(kind)
    return f"[{name}]" if may_be_skipped else f"<{name}>"


def _default(parameter: commands.Parameter) -> str:
    """Answer what an argument is if it is left out, empty where that says nothing."""
    if isinstance(parameter.default, bool):
        return "yes" if parameter.default else "no"
    return parameter.displayed_default or ""


def _takes_nothing(kind: Any) -> bool:
    """Whether an argument is optional by its type alone: what does not fit it is the next one."""
    return get_origin(kind) in (Union, UnionType) and type(None) in get_args(kind)
