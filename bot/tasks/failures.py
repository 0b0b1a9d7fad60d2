"""Failures of tasks and of the loop's own callbacks: each is told once, with its traceback.

asyncio tells of a task's exception when the garbage collector meets the task, which may be late or
never, and in its own format. Here it is told within a few turns of the loop, unless somebody took
it: a task that is awaited hands its exception to the one who waits, and that one will tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from bot.tasks import ending

log = structlog.get_logger(__name__)

# Who awaits a task gets its exception in the same turn, through `asyncio.wait` or `gather` two or
# three turns later. Turns, not seconds: a slow loop delays both alike.
TURNS_TO_CLAIM = 10

_Handler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


class Failures:
    """Exceptions of tasks that ended, until they are taken by somebody or told.

    Attributes:
        loop_errors: What asyncio reported itself, other than failures of tasks.
    """

    def __init__(self) -> None:
        self.loop_errors = 0
        self._unclaimed: dict[asyncio.Task[Any], int] = {}
        self._turning: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handler: _Handler = self._report
        self._handler_before: _Handler | None = None

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear what asyncio reports; a handler that was there hears it too."""
        self._loop, self._handler_before = loop, loop.get_exception_handler()
        loop.set_exception_handler(self._handler)

    def remove(self) -> None:
        """Tell what is left, and put the handler back that was there before."""
        self.settle()
        loop, self._loop = self._loop, None
        if loop is not None and loop.get_exception_handler() is self._handler:
            loop.set_exception_handler(self._handler_before)

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take *task*, which raised; its exception is told unless somebody takes it soon.

        asyncio notes whether somebody took the exception (`_log_traceback`), and asking for the
        exception counts as taking it: the note has to be read before.
        """
        self._unclaimed[task] = TURNS_TO_CLAIM
        if self._turning is None:
            self._turning = task.get_loop().call_soon(self._turn)

    def settle(self) -> None:
        """Tell every failure that nobody took until now."""
        if self._turning is not None:
            self._turning.cancel()
            self._turning = None
        while self._unclaimed:
            task, _ = self._unclaimed.popitem()
            _tell(task)

    def _turn(self) -> None:
        self._turning = None
        for task, turns in list(self._unclaimed.items()):
            if turns > 1 and task._log_traceback:
                self._unclaimed[task] = turns - 1
                continue
            del self._unclaimed[task]
            _tell(task)
        if self._unclaimed:
            some = next(iter(self._unclaimed))
            self._turning = some.get_loop().call_soon(self._turn)

    def _report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.loop_errors += 1
        log.error("loop.error_reported", exc_info=context.get("exception"), **_facts(context))
        if self._handler_before is not None:
            self._handler_before(loop, context)


def _tell(task: asyncio.Task[Any]) -> None:
    taken = not task._log_traceback
    error = task.exception()  # from here on asyncio takes it as told
    facts = {"task": task.get_name()[:100], "work": ending.work_of(task)}
    if taken:
        log.debug("task.raised", error=type(error).__name__, **facts)
    else:
        log.error("task.failed", error=type(error).__name__, exc_info=error, **facts)


def _facts(context: Mapping[str, Any]) -> dict[str, str]:
    """Answer what may be logged of a report: names of kinds and functions, no arguments.

    asyncio puts the arguments of a callback into its message, and they may hold anything.
    """
    facts = {"problem": _without_values(str(context.get("message", "")))}
    callback = getattr(context.get("handle"), "_callback", None)
    if callback is not None:
        facts["callback"] = getattr(callback, "__qualname__", type(callback).__name__)
    future = context.get("task") or context.get("future")
    if isinstance(future, asyncio.Future):
        facts["task"], facts["work"] = ending.name_of(future)[:100], ending.work_of(future)
    for name in ("protocol", "transport", "asyncgen"):
        if name in context:
            facts[name] = type(context[name]).__name__
    return facts


def _without_values(message: str) -> str:
    for mark in "<('\"[{=":
        message = message.partition(mark)[0]
    return message[:100].strip()
