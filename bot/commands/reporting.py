"""Tells user and log of an error, each in its own words, under one id."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog

from bot.commands import replies
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from discord.ext import commands

    from bot.commands.answers import Answers
    from bot.commands.stats import CommandStats
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)

TELL_TIMEOUT_S = 10.0
# An error of somebody's own may lack what its class promises, or fail to name itself.
_ODD = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
# What can go wrong on the way to the user; nobody is left to be told, so the log has to do.
_UNREACHABLE = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)


class Reporter:
    """One way for every error of a command, button, select or modal.

    Attributes:
        late: Answers that Discord refused, since the interaction was answered before, or too old.
    """

    def __init__(self, tasks: TaskManager, stats: CommandStats, answers: Answers) -> None:
        self.late = 0
        self._tasks, self._stats, self._answers = tasks, stats, answers

    def failed(
        self,
        error: BaseException,
        *,
        to: commands.Context[Any] | discord.Interaction[Any] | None,
        kind: str,
        name: str,
        usage: str = "",
    ) -> None:
        """Log *error* and tell the user in a task of its own; raises nothing.

        Args:
            to: Where the command came from; None when nobody can be told.
            kind: ``command``, ``button``, … for the log.
            name: Of the command or component, never what the user wrote.
            usage: How the command is written, told with errors of input.
        """
        try:
            reply = replies.explain(error, usage=usage)
        except _ODD as odd:
            log.warning("error.not_explained", error=type(odd).__name__)
            reply = replies.UNEXPLAINED
        cause = replies.unwrap(error)
        error_id = ""
        if isinstance(cause, discord.HTTPException) and cause.code in replies.QUIET_CODES:
            self.late += 1
            log.info("interaction.ended_late", kind=kind, name=name)
        elif reply.fault == "bot":
            error_id = new_error_id()
            self._stats.failed()
            log.error("command.failed", kind=kind, name=name, error_id=error_id, exc_info=cause)
        else:
            log.info("command.refused", kind=kind, name=name, error=type(cause).__name__)
        if to is not None and reply.text:
            self.say(reply.shown(error_id), to=to, error_id=error_id)

    def failed_late(self, error: BaseException, *, name: str, error_id: str) -> None:
        """Log what a handler raised as it was stopped; its user hears of the deadline only."""
        cause = replies.unwrap(error)
        log.warning("command.failed_as_stopped", name=name, error_id=error_id, exc_info=cause)

    def timed_out(
        self,
        limit_s: float,
        *,
        to: commands.Context[Any] | discord.Interaction[Any] | None,
        error_id: str,
    ) -> None:
        """Tell the user that the command was stopped; the log has it already."""
        if to is not None:
            self.say(replies.timed_out(limit_s).shown(error_id), to=to, error_id=error_id)

    def say(
        self, text: str, *, to: commands.Context[Any] | discord.Interaction[Any], error_id: str
    ) -> None:
        """Send *text* in a task of its own, privately where that takes no more than one call."""
        self._tasks.create_task(self._deliver(text, to, error_id), name="error-report")

    async def _deliver(
        self, text: str, to: commands.Context[Any] | discord.Interaction[Any], error_id: str
    ) -> None:
        self._answers.enter_context()
        interaction = to if isinstance(to, discord.Interaction) else to.interaction
        private = interaction is None or self._answers.best_privately(interaction)
        tell = _tell_interaction if isinstance(to, discord.Interaction) else _tell_context
        try:
            await with_timeout(tell(to, text, private), TELL_TIMEOUT_S)
        except _UNREACHABLE as error:
            log.info("reply.failed", error=type(error).__name__, error_id=error_id)


def new_error_id() -> str:
    """Answer an id that a user can read out and the log can be searched for."""
    return secrets.token_hex(4)


async def _tell_context(context: Any, text: str, private: bool) -> None:
    await context.send(text, ephemeral=private, allowed_mentions=discord.AllowedMentions.none())


async def _tell_interaction(interaction: Any, text: str, private: bool) -> None:
    done = interaction.response.is_done()
    send = interaction.followup.send if done else interaction.response.send_message
    await send(text, ephemeral=private, allowed_mentions=discord.AllowedMentions.none())
