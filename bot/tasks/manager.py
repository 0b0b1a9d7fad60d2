"""The task manager: tracks every task of the loop, isolates failures, ends what will not end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Protocol, Self, TypeVar

import structlog

from bot.errors import BotError
from bot.tasks import ending
from bot.tasks.failures import Failures
from bot.tasks.stats import Outcome, TaskStatistics
from watchdog.heartbeat import schema

log = structlog.get_logger(__name__)

T = TypeVar("T")
MAX_NAMES_LOGGED = 20


class TaskScopeError(BotError, RuntimeError):
    """A task was asked for where none can be started; the coroutine was closed."""


class TaskObserver(Protocol):
    """Hears of every task, synchronously and in the loop; has to answer within microseconds."""

    def created(self, task: asyncio.Task[Any]) -> None:
        """*task* was made; before Python 3.13.3 its name is given to it just after this call."""

    def done(self, task: asyncio.Task[Any]) -> None:
        """*task* ended."""


class TaskManager:
    """Track every task that the running loop makes, whoever asks for it.

    ``async with manager:`` installs a task factory in front of the one that was there, and a
    handler for what asyncio itself reports. A task is held until it ends, so that none vanishes
    because nobody kept it. What is kept of tasks that ended is bounded (`TaskStatistics`).

    Attributes:
        loop_errors: Errors that asyncio reported itself, such as a callback that raised.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._active: dict[asyncio.Task[Any], float] = {}
        self._statistics, self._failures = TaskStatistics(), Failures()
        self._count = self._statistics.ended
        self._observers: tuple[TaskObserver, ...] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._factory_before: Any = None
        self._factory: Any = None

    @property
    def loop_errors(self) -> int:
        """Errors that asyncio reported, not counting those of tasks."""
        return self._failures.loop_errors

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("this task manager is in use already; make another one")
        self._loop = loop = asyncio.get_running_loop()
        self._factory_before, self._factory = loop.get_task_factory(), self.task_factory
        loop.set_task_factory(self._factory)
        self._failures.install(loop)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        loop, self._loop = self._loop, None
        if loop is None:
            return
        if loop.get_task_factory() is self._factory:
            loop.set_task_factory(self._factory_before)
        else:  # somebody put theirs in front of ours: taking ours out would take out theirs
            log.warning("task_factory.replaced")
        self._failures.remove()

    def task_factory(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        """Make a task and track it; *options* are those of this Python's `loop.create_task`."""
        task: asyncio.Task[T]
        if self._factory_before is None:
            task = asyncio.Task(coro, loop=loop, **options)
        else:
            task = self._factory_before(loop, coro, **options)
        # As `_track` does: this runs for every task of the process, and a call costs 10 % of it.
        self._active[task] = self._clock()
        task.add_done_callback(self._done)
        if self._observers:
            self._announce(task)
        return task

    def create_task(self, coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start *coro* as a task that is tracked; a failure nobody awaits is logged once.

        Raises:
            TaskScopeError: no loop runs in this thread; *coro* is closed.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            coro.close()
            raise TaskScopeError(
                f"task {name} was asked for outside the event loop; from a thread use "
                "asyncio.run_coroutine_threadsafe or Bridge.publish"
            ) from None
        task = loop.create_task(coro, name=name)
        if task not in self._active and not task.done():  # our factory is not installed
            self._track(task)
        return task

    @contextlib.asynccontextmanager
    async def managed_task_context(self) -> AsyncIterator[TaskScope]:
        """Yield a scope; what was started through it is cancelled and awaited at its end."""
        scope = TaskScope(self)
        try:
            yield scope
        finally:
            await scope.close()

    def add_observer(self, observer: TaskObserver) -> None:
        """Tell *observer* of every task from now on."""
        if observer not in self._observers:
            self._observers = (*self._observers, observer)

    def remove_observer(self, observer: TaskObserver) -> None:
        """Tell *observer* of no further task."""
        self._observers = tuple(known for known in self._observers if known != observer)

    async def shutdown(self, timeout_s: float) -> tuple[str, ...]:
        """Cancel every tracked task but the current one, and those they start while they end.

        Call it from the outermost task: a task that waits for the caller is cancelled as well.

        Returns:
            Names of the tasks that did not stop within *timeout_s* seconds, although they were
            cancelled a second time at half of it. They are left behind.
        """
        current = asyncio.current_task()
        stuck = await ending.end(
            lambda: [task for task in self._active if task is not current], timeout_s
        )
        self._failures.settle()
        names = tuple(task.get_name() for task in stuck if isinstance(task, asyncio.Task))
        if stuck:
            log.error(
                "shutdown.timed_out",
                timeout_s=timeout_s,
                count=len(stuck),
                tasks=[name[:100] for name in names[:MAX_NAMES_LOGGED]],
                waiting_at=[ending.where(task) for task in stuck[:MAX_NAMES_LOGGED]],
            )
        return names

    def snapshot(self) -> schema.Tasks:
        """Answer the statistics; from any thread."""
        now_s = self._clock()
        # A copy of a dict is one step of the interpreter; iterating over the dict is not.
        active = self._active.copy()
        return self._statistics.snapshot(
            (ending.name_of(task), max(0.0, now_s - began_s)) for task, began_s in active.items()
        )

    def _track(self, task: asyncio.Task[Any]) -> None:
        self._active[task] = self._clock()
        task.add_done_callback(self._done)
        self._announce(task)

    def _announce(self, task: asyncio.Task[Any]) -> None:
        for observer in self._observers:
            try:
                observer.created(task)
            # Every task of the process is made here: an observer's fault must not stop them all.
            except Exception:
                log.exception("task_observer.failed", observer=type(observer).__name__)

    def _done(self, task: asyncio.Task[Any]) -> None:
        began_s = self._active.pop(task, None)
        if began_s is None:
            return
        if task.cancelled():
            outcome: Outcome = "cancelled"
        elif not task._log_traceback and task.exception() is None:
            outcome = "completed"
        else:
            outcome = "failed"
            self._failures.add(task)
        self._count(task.get_name(), outcome, self._clock() - began_s)
        for observer in self._observers:
            try:
                observer.done(task)
            except Exception:
                log.exception("task_observer.failed", observer=type(observer).__name__)


class TaskScope:
    """Starts tasks that live no longer than a block; see `TaskManager.managed_task_context`."""

    def __init__(self, manager: TaskManager) -> None:
        self._manager, self._closed = manager, False
        self._tasks: set[asyncio.Task[Any]] = set()

    def create_task(self, coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start *coro* within this scope.

        Raises:
            TaskScopeError: the block has ended; *coro* is closed.
        """
        if self._closed:
            coro.close()
            raise TaskScopeError(f"task {name} was asked for after its scope had ended")
        task = self._manager.create_task(coro, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Cancel and await what was started; what will not stop is named and left behind."""
        self._closed = True
        stuck = await ending.end_these(self._tasks)
        if stuck:
            log.error(
                "task_scope.not_ended",
                tasks=[ending.name_of(task)[:100] for task in stuck[:MAX_NAMES_LOGGED]],
                waiting_at=[ending.where(task) for task in stuck[:MAX_NAMES_LOGGED]],
            )
