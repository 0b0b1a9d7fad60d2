"""Text commands of any discord.py bot: when one begins and ends, and who hears of its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from discord.ext import commands

from bot.commands.usage import signature

if TYPE_CHECKING:
    from bot.commands.handling import Handling
    from bot.commands.reporting import Reporter

    Bot = commands.Bot | commands.AutoShardedBot
    Context = commands.Context[Any]
    Begin = Callable[[str, asyncio.Task[Any], Context], Handling]


class TextCommands:
    """A check and two listeners, the public seams that any `commands.Bot` has."""

    def __init__(
        self, bot: Bot, reporter: Reporter, *, begin: Begin, end: Callable[[Handling], None]
    ) -> None:
        self._bot, self._reporter = bot, reporter
        self._handle, self._leave = begin, end
        self._running: dict[Context, Handling] = {}

    def attach(self) -> None:
        """Begin to watch."""
        self._bot.add_check(self._begin, call_once=True)
        self._bot.add_listener(self._on_completion, "on_command_completion")
        self._bot.add_listener(self._on_error, "on_command_error")

    def detach(self) -> None:
        """Stop watching."""
        self._bot.remove_check(self._begin, call_once=True)
        self._bot.remove_listener(self._on_completion, "on_command_completion")
        self._bot.remove_listener(self._on_error, "on_command_error")

    def _begin(self, context: Context) -> bool:
        """A check that passes always: it is called in the command's task, once an invocation.

        For the slash half of a hybrid command too, which is guarded as an interaction.
        """
        task, command = asyncio.current_task(), context.command
        if context.interaction is None and command is not None and task is not None:
            self._end(context)  # an invocation of the same context, once more
            self._running[context] = self._handle(command.qualified_name, task, context)
        return True

    def _end(self, context: Context) -> None:
        handling = self._running.get(context)
        if handling is not None:
            self._leave(handling)

    def ended(self, handling: Handling) -> None:
        """*handling* is over, be it that its task ended and no event told of it."""
        if isinstance(handling.to, commands.Context):
            self._running.pop(handling.to, None)

    async def _on_completion(self, context: Context) -> None:
        self._end(context)

    async def _on_error(self, context: Context, error: Exception) -> None:
        handling, command = self._running.get(context), context.command
        name = command.qualified_name if command is not None else "?"
        if handling is not None and handling.error_id:
            self._reporter.failed_late(error, name=name, error_id=handling.error_id)
        elif not self._handled_by_others(context):
            usage = ""
            if command is not None and context.interaction is None:
                usage = f"{context.clean_prefix}{command.qualified_name} {signature(command)}"
            kind = "text command" if context.interaction is None else "command"
            self._reporter.failed(error, to=context, kind=kind, name=name, usage=usage.strip())
        self._end(context)

    def _handled_by_others(self, context: Context) -> bool:
        """The rules of discord.py's own `on_command_error`, which our listener silences."""
        default = getattr(self._bot.on_command_error, "__func__", None)
        if default is not commands.Bot.on_command_error:
            return True
        listeners = self._bot.extra_events.get("on_command_error", ())
        if any(listener != self._on_error for listener in listeners):
            return True
        command, cog = context.command, context.cog
        if command is not None and command.has_error_handler():
            return True
        return cog is not None and cog.has_error_handler()
