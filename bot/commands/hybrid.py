"""The decorator of this project's own commands: slash and text, one name each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discord.ext import commands


def hybrid(
    description: str, *, private: bool = False
) -> Callable[[Any], commands.HybridCommand[Any, ..., Any]]:
    """Make a method a hybrid command named as the method.

    Args:
        description: Shown in Discord's menu and in help.
        private: When the command is slow, it is deferred for the user alone.
    """
    extras = {"ephemeral": True} if private else {}
    return commands.hybrid_command(description=description, extras=extras)
