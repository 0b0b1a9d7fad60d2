"""Hybrid commands whose copies are cheap.

discord.py copies every command of a cog when the cog is made, and for that examines its function
anew: signature, annotations, converters, docstring. Of all that a takeover has to load that was
most, and each time it turned the order of the checks around. Nothing of it differs between copies.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from discord.ext import commands

AnyCommand = TypeVar("AnyCommand", bound=commands.Command[Any, ..., Any])


class TwinCommand(commands.HybridCommand[Any, ..., Any]):
    """A hybrid command."""

    def copy(self) -> Self:
        """Answer a command of its own that shares what can't change."""
        made = _twin(self)
        if self.app_command is not None:
            made.app_command = self.app_command.copy()
            made.app_command.wrapped = made
        made.cog = None
        return made


class TwinGroup(commands.HybridGroup[Any, ..., Any]):
    """A group of hybrid commands, and of such groups."""

    def copy(self) -> Self:
        """Answer a group of its own, with copies of what is in it."""
        made = _twin(self)
        made.all_commands = type(self.all_commands)()
        shown = made.app_command = self.app_command._copy_with(
            parent=self.app_command.parent, binding=cast(Any, None)
        )
        for command in dict.fromkeys(cast(Any, self.all_commands.values())):
            shown.remove_command(command.name)
            made.add_command(command.copy())
        if made._fallback_command is not None:
            made._fallback_command.wrapped = made
        made.cog = None
        return made

    def command(self, *args: Any, **given: Any) -> Any:
        """Make a method a command of this group."""
        return self._adding(TwinCommand, given)

    def group(self, *args: Any, **given: Any) -> Any:
        """Make a method a group of this group."""
        return self._adding(TwinGroup, given)

    def _adding(self, kind: Any, given: dict[str, Any]) -> Callable[[Any], Any]:
        def decorate(function: Any) -> Any:
            made = kind(function, **{"parent": self, **given})
            self.add_command(made)
            return made

        return decorate


def _twin(command: AnyCommand) -> AnyCommand:
    """Answer *command* once more; what belongs to one command alone is not shared."""
    made = copy.copy(command)
    made.params, made.checks = dict(command.params), list(command.checks)
    if command._buckets.valid:
        made._buckets = command._buckets.copy()
    if command._max_concurrency is not None:
        made._max_concurrency = command._max_concurrency.copy()
    return made
