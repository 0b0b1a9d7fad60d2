"""The bridge from threads into the event loop: bounded, in order, and nobody waits for anybody.

`publish` takes no lock, since a signal handler or a finalizer may run in the middle of it in the
same thread and publish as well. It relies on `deque.append`, `pop` and `popleft`, each of which is
one step. The tokens in `_free` are the bound: a publisher takes one, the loop gives it back.
"""

from __future__ import annotations

import asyncio
import collections
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import structlog

from bot.errors import BotError
from bot.tasks import ending
from bot.tasks.manager import TaskManager
from bot.tasks.timeouts import with_timeout

log = structlog.get_logger(__name__)

DEFAULT_SIZE = 10_000
HANDLER_TIMEOUT_S = 30.0
DRAIN_TIMEOUT_S = 3.0
TURN = 200  # events of plain handlers before the loop gets its turn

Handler = Callable[[Any], Awaitable[object] | object]


class BridgeFullError(BotError):
    """So many events wait already; *size* is the limit. Drop the event or try again later."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"bridge is full: {size} events wait for the loop; try again later")


class BridgeClosedError(BotError):
    """The bridge takes no more events: it has not begun, or the bot is stopping."""

    def __init__(self) -> None:
        super().__init__("bridge is closed: it takes events only while the bot runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeStatistics:
    """Events since the start; *lost* ones were taken but not delivered before the deadline."""

    waiting: int
    delivered: int
    failed: int
    lost: int


class Bridge:
    """Carry events from any thread to handlers in the loop, in the order in which they came.

    Handlers are plain or async functions; they are called one after the other, and the fault of
    one touches neither the other handlers nor later events. An async handler that takes longer
    than *handler_timeout_s* is cancelled. Events that come before the first handler wait for it.
    Leaving the block refuses new events and delivers those that wait.
    """

    def __init__(
        self,
        *,
        tasks: TaskManager,
        size: int = DEFAULT_SIZE,
        handler_timeout_s: float = HANDLER_TIMEOUT_S,
        drain_timeout_s: float = DRAIN_TIMEOUT_S,
    ) -> None:
        if size < 1:
            raise ValueError(f"size must be 1 or more, not {size}")
        self._tasks, self._size = tasks, size
        self._handler_timeout_s, self._drain_timeout_s = handler_timeout_s, drain_timeout_s
        self._free = collections.deque([None] * size)
        self._events: collections.deque[Any] = collections.deque()
        self._asleep: collections.deque[None] = collections.deque()  # holds one: wake the loop
        self._handlers: tuple[Handler, ...] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awake = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._open = self._ended = False
        self._delivered = self._failed = self._lost = 0
        # The event in delivery: it stays here when a handler fails, for those that come after.
        self._in_hand = False
        self._event: Any = None
        self._left: collections.deque[Handler] = collections.deque()
        self._handler: Handler | None = None

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("a bridge is used once; make another one")
        self._loop = asyncio.get_running_loop()
        self._runner = self._tasks.create_task(self._run(), name="bridge")
        self._open = True
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._open = False
        if self._runner is None or self._runner.done():  # somebody ended it before us
            self._runner = self._tasks.create_task(self._run(), name="bridge")
        try:
            await with_timeout(self._drained(), self._drain_timeout_s)
        except TimeoutError:
            log.warning("bridge.not_drained", timeout_s=self._drain_timeout_s)
        finally:
            self._ended = True
            await ending.end_these((self._runner,))
            self._count_lost()

    def publish(self, event: object) -> None:
        """Hand *event* to the loop; from any thread, never waits.

        Raises:
            BridgeFullError: *size* events wait already.
            BridgeClosedError: the bridge is not open.
        """
        try:
            self._free.pop()
        except IndexError:
            raise BridgeFullError(self._size) from None
        # After the token was taken: who closes the bridge waits until all tokens are back.
        if not self._open or self._loop is None:
            self._free.append(None)
            raise BridgeClosedError
        self._events.append(event)
        if self._ended:  # the deadline of closing passed between the two lines above
            raise BridgeClosedError
        try:
            self._asleep.pop()
        except IndexError:
            return  # somebody has woken the loop already
        try:
            self._loop.call_soon_threadsafe(self._awake.set)
        except RuntimeError as error:  # the loop was closed around us
            raise BridgeClosedError from error

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Call *handler* with every event from now on; answers a function that ends that.

        To be called in the loop.
        """
        self._handlers = (*self._handlers, handler)
        self._awake.set()

        def unsubscribe() -> None:
            self._handlers = tuple(known for known in self._handlers if known is not handler)

        return unsubscribe

    def statistics(self) -> BridgeStatistics:
        """Answer the counts; from any thread."""
        return BridgeStatistics(
            waiting=len(self._events),
            delivered=self._delivered,
            failed=self._failed,
            lost=self._lost,
        )

    @property
    def _deliverable(self) -> bool:
        return self._in_hand or bool(self._events and self._handlers)

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            if not self._asleep:
                self._asleep.append(None)
            # Looked at after the token was laid out: who publishes now sees it and wakes us.
            if not self._deliverable:
                await self._awake.wait()
            self._asleep.clear()
            while self._deliverable:
                await self._deliver_in_task()

    async def _deliver_in_task(self) -> None:
        task = self._tasks.create_task(self._deliver(), name="bridge-delivery")
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            await ending.end_these((task,), gently=True)
            raise
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            self._failed += 1
            log.error(
                "bridge.handler_failed",
                handler=getattr(self._handler, "__qualname__", type(self._handler).__name__),
                event_type=type(self._event).__name__,
                error=type(error).__name__,
                exc_info=error,
            )

    async def _deliver(self) -> None:
        """Deliver a turn's worth of events; a handler that raises ends it, and the next goes on."""
        for _ in range(TURN):
            while self._left:
                handler = self._handler = self._left.popleft()
                answer = handler(self._event)
                if inspect.isawaitable(answer):
                    await with_timeout(answer, self._handler_timeout_s)
            if self._in_hand:
                self._in_hand, self._event = False, None
                self._delivered += 1
                self._free.append(None)
            if not self._deliverable:
                return
            self._event, self._in_hand = self._events.popleft(), True
            self._left.extend(self._handlers)

    async def _drained(self) -> None:
        while len(self._free) < self._size:
            if not self._handlers and not self._in_hand and self._events:
                return  # nobody will ever take them
            await asyncio.sleep(0.001)

    def _count_lost(self) -> None:
        lost = [self._event] if self._in_hand else []
        while self._events:
            lost.append(self._events.popleft())
        self._lost = len(lost)
        if lost:
            kinds = collections.Counter(type(event).__name__ for event in lost)
            log.error("bridge.events_lost", count=len(lost), kinds=dict(kinds.most_common(10)))
