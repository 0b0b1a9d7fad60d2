"""Command safety for any discord.py client, attached from outside.

Every handler of a text command, slash command, button, select or modal gets a deadline, and a user
who is told what went wrong. Where each is noticed:

- A task that runs the handler of an interaction is seen by the task manager's factory. It gets its
  deadline there, and a timer that defers in its place shortly before Discord gives up.
- A text command runs inside `on_message`. A check that is called once an invocation arms its
  deadline; the events that discord.py dispatches at its end disarm it.
- discord.py's own error handlers do nothing but log. Those records are taken as the report that an
  error reached nobody; a handler that a plugin or another bot wrote logs none, and stays in charge.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog
from discord.ext import commands

from bot.client import Novera
from bot.commands import default_errors, late
from bot.commands.answers import Answers
from bot.commands.deadline import Deadline, where_it_waits
from bot.commands.handling import Handling, interaction_of, kind_of, name_of
from bot.commands.replies import QUIET_CODES
from bot.commands.reporting import Reporter, new_error_id
from bot.commands.text_commands import TextCommands
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from bot.services import Services

log = structlog.get_logger(__name__)

DEFER_AFTER_S = 2.0  # Discord waits 3 s for the first answer
AUTOCOMPLETE_LIMIT_S = 3.0  # later, nobody looks at the choices
GRACE_S = 2.0  # a handler that won't be cancelled must not keep its user waiting
UNANSWERED_AFTER_S = 10.0  # a deferred command that ended and said nothing


def attach(client: discord.Client, services: Services) -> Safety:
    """Guard every handler of *client*; our own bot finds the runtime as `client.services`.

    Call it in the task that then runs the connection, before handlers can run: answers find their
    adapter through the context.
    """
    if isinstance(client, Novera):
        client.services = services
    safety = Safety(client, services)
    safety.attach()
    return safety


class Safety:
    """The handlers at work, their deadlines, and the reports of their errors."""

    def __init__(
        self,
        client: discord.Client,
        services: Services,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._tasks, self._stats = client, services.tasks, services.commands
        self._limit_s = services.settings.command_timeout_s
        self._clock = clock
        self._answers = Answers()
        self._reporter = Reporter(services.tasks, services.commands, self._answers)
        self._running: dict[asyncio.Task[Any], list[Handling]] = {}
        self._filter = default_errors.DefaultErrors(self._default_error)
        self._text: TextCommands | None = None
        if isinstance(client, commands.Bot | commands.AutoShardedBot):
            begin = functools.partial(self._begin, "text command")
            self._text = TextCommands(client, self._reporter, begin=begin, end=self._end)

    @property
    def at_work(self) -> int:
        """How many handlers run now."""
        return sum(len(handlings) for handlings in self._running.values())

    @property
    def late(self) -> int:
        """Answers that Discord refused: the interaction was answered before, or too old."""
        return self._reporter.late

    def attach(self) -> None:
        """Begin to watch: tasks, discord.py's error handlers, and the commands of a `Bot`."""
        self._answers.enter_context()
        self._tasks.add_observer(self)
        self._filter.install()
        if self._text is not None:
            self._text.attach()

    def detach(self) -> None:
        """Stop watching; for tests, since a process serves one client all its life."""
        self._filter.remove()
        self._tasks.remove_observer(self)
        if self._text is not None:
            self._text.detach()

    # Interactions, seen as tasks

    def created(self, task: asyncio.Task[Any]) -> None:
        """A task was made: arm its deadline if it runs the handler of an interaction."""
        interaction = interaction_of(task)
        if interaction is None or interaction.client is not self._client:
            return
        self._answers.enter_context()
        kind = kind_of(interaction)
        handling = self._begin(kind, name_of(interaction), task, interaction)
        if kind == "autocomplete":
            return
        handling.exchange = self._answers.open(interaction)
        handling.defer_timer = task.get_loop().call_later(DEFER_AFTER_S, self._defer_soon, handling)

    def done(self, task: asyncio.Task[Any]) -> None:
        """A task ended, and with it every handler that it ran."""
        for handling in tuple(self._running.get(task, ())):
            self._end(handling)

    def _begin(
        self,
        kind: str,
        name: str,
        task: asyncio.Task[Any],
        to: commands.Context[Any] | discord.Interaction[Any],
    ) -> Handling:
        handling = Handling(kind=kind, name=name, task=task, to=to, began_at_s=self._clock())
        limit_s = self._limit_s
        if kind == "autocomplete":
            limit_s = min(limit_s, AUTOCOMPLETE_LIMIT_S)
        else:
            self._stats.began()
        handling.deadline = Deadline(
            task, limit_s=limit_s, on_expiry=lambda: self._expired(handling, limit_s)
        )
        self._running.setdefault(task, []).append(handling)
        return handling

    def _end(self, handling: Handling) -> None:
        others = self._running.get(handling.task, [])
        if handling not in others:
            return  # ended before, as a command whose task went on
        others.remove(handling)
        if not others:
            del self._running[handling.task]
        if self._text is not None:
            self._text.ended(handling)
        for timer in (handling.defer_timer, handling.grace_timer):
            if timer is not None:
                timer.cancel()
        if handling.deadline is not None:
            handling.deadline.disarm()
        if handling.kind != "autocomplete":
            self._stats.ended(self._clock() - handling.began_at_s)
        self._tell_of_timeout(handling)
        self._leave_exchange(handling)

    # Deadlines

    def _expired(self, handling: Handling, limit_s: float) -> None:
        handling.error_id = new_error_id()
        if handling.kind != "autocomplete":
            self._stats.timed_out()
        log.error(
            "command.timed_out",
            kind=handling.kind,
            name=handling.name,
            error_id=handling.error_id,
            limit_s=limit_s,
            waiting_at=where_it_waits(handling.task),
        )
        loop = handling.task.get_loop()
        handling.grace_timer = loop.call_later(GRACE_S, self._would_not_stop, handling)

    def _would_not_stop(self, handling: Handling) -> None:
        log.error("command.not_stopped", name=handling.name, error_id=handling.error_id)
        self._tell_of_timeout(handling)

    def _tell_of_timeout(self, handling: Handling) -> None:
        if not handling.error_id or handling.told or handling.kind == "autocomplete":
            return
        handling.told = True
        self._reporter.timed_out(self._limit_s, to=handling.to, error_id=handling.error_id)

    # Deferring

    def _defer_soon(self, handling: Handling) -> None:
        self._tasks.create_task(self._defer(handling), name="interaction-defer")

    async def _defer(self, handling: Handling) -> None:
        interaction, exchange = handling.to, handling.exchange
        if exchange is None or not isinstance(interaction, discord.Interaction):
            return
        deferral = late.deferral(
            interaction.type.value,
            on_message=interaction.message is not None,
            private=self._is_private(interaction),
        )
        try:
            deferred = await with_timeout(
                self._answers.defer(exchange, deferral, interaction.followup), DEFER_AFTER_S
            )
        except discord.HTTPException as error:
            quiet = error.code in QUIET_CODES  # too late, or answered by other means
            level = log.info if quiet else log.warning
            level("interaction.not_deferred", name=handling.name, code=error.code)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("interaction.not_deferred", name=handling.name, error=type(error).__name__)
        else:
            if deferred:
                log.info("interaction.deferred", kind=handling.kind, name=handling.name)

    def _is_private(self, interaction: discord.Interaction[Any]) -> bool:
        """A command says so itself: ``extras={"ephemeral": True}``."""
        if interaction.type is not discord.InteractionType.application_command:
            return False
        command: Any = interaction.command
        hybrid = getattr(command, "wrapped", command)
        return hybrid is not None and bool(hybrid.extras.get("ephemeral"))

    def _leave_exchange(self, handling: Handling) -> None:
        exchange = handling.exchange
        if exchange is None:
            return
        self._answers.close(exchange)
        thinking = exchange.deferred is not None and (
            exchange.deferred.callback == late.DEFERRED_MESSAGE
        )
        if thinking and not (exchange.answered or handling.told or handling.failed):
            loop = handling.task.get_loop()
            loop.call_later(UNANSWERED_AFTER_S, self._say_nothing_came, handling)

    def _say_nothing_came(self, handling: Handling) -> None:
        """End the "thinking" of a command that ended and left no answer to anybody else."""
        if handling.exchange is not None and not handling.exchange.answered:
            self._reporter.say("This ended without an answer.", to=handling.to, error_id="")

    # Errors that discord.py would only log

    def _default_error(self, error: BaseException) -> bool:
        """Take over an error that discord.py is about to log; answers whether it is known here."""
        try:
            task = asyncio.current_task()
        except RuntimeError:  # another thread, without a loop
            return False
        handlings = self._running.get(task) if task is not None else None
        if not handlings:
            return False
        handling = handlings[-1]
        handling.failed = True
        if handling.error_id:
            self._reporter.failed_late(error, name=handling.name, error_id=handling.error_id)
            return True
        to = None if handling.kind == "autocomplete" else handling.to
        self._reporter.failed(error, to=to, kind=handling.kind, name=handling.name)
        return True
