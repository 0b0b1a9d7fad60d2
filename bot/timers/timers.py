"""`services.timers`: schedule what must happen at a time, and say who does it."""

from __future__ import annotations

import asyncio
import contextvars
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from bot.clock.wall import utc_now
from bot.timers.runner import Runner
from bot.timers.scheduler import Scheduler, TimersHealth
from bot.timers.timer import Ended, Handler, Timer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.services import Services

__all__ = ["Timer", "Timers"]

log = structlog.get_logger(__name__)

T = TypeVar("T")

CLOSE_HANDLERS_S = 1.5  # for what is being sent
CLOSE_THREAD_S = 1.0
AGAIN_S = 5.0


class Timers:
    """Timers are kept in the database; a thread finds them, handlers in the loop do them.

    A timer happens at least once: a process that dies while its handler runs leaves it to the
    next one. A handler that sends with `Timer.nonce`, and looks at its own rows first, makes that
    once.
    """

    def __init__(self, services: Services, *, now: Callable[[], datetime] = utc_now) -> None:
        self._services, self._now = services, now
        self._instance = secrets.token_hex(8)
        self._handlers: dict[str, Handler] = {}
        self._kinds: frozenset[str] = frozenset()
        self._scheduler: Scheduler | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closing = self._paused = False
        self._runner = Runner(self._handlers, tasks=services.tasks, now=now, report=self._report)
        services.storage.preload("bot.timers.store")

    @property
    def health(self) -> TimersHealth:
        """How the scheduler does; from any thread."""
        return TimersHealth() if self._scheduler is None else self._scheduler.health

    def handle(self, kind: str, handler: Handler) -> Callable[[], None]:
        """Let *handler* do what is due of *kind*; answers a function that ends that.

        Timers of a kind that nobody handles wait. To be called in a cog's `cog_load`.
        """
        self._handlers[kind] = handler
        self._kinds = frozenset(self._handlers)
        self.wake()

        def forget() -> None:
            if self._handlers.get(kind) == handler:
                del self._handlers[kind]
                self._kinds = frozenset(self._handlers)

        return forget

    async def schedule(
        self,
        kind: str,
        *,
        due_at: datetime,
        guild_id: int | None = None,
        channel_id: int | None = None,
        user_id: int | None = None,
        ref: int | None = None,
        payload: Mapping[str, Any] | None = None,
        once: bool = False,
        session: AsyncSession | None = None,
    ) -> int:
        """Keep a timer; answers its id.

        Args:
            channel_id: Timers of one channel happen one after the other.
            once: One of that *kind* and *ref* that is or was kept is this one: for a handler that
                may run again after a death, with `bot.commands.origins` as the *ref*.
            payload: What JSON can hold.
            session: Of a `storage.write`, to be part of that transaction.

        Raises:
            StorageError: the database did not answer.
        """
        from bot.timers.store import NewTimer, add

        if once and ref is None:
            raise ValueError("what is to be kept once needs a ref to be known by")
        new = NewTimer(
            kind=kind,
            due_at=due_at,
            guild_id=guild_id,
            channel_id=channel_id,
            user_id=user_id,
            ref=ref,
            payload=payload or {},
            once=once,
        )
        return await self._write(lambda given: add(given, new, self._now()), session)

    async def cancel(self, timer_id: int, *, session: AsyncSession | None = None) -> bool:
        """Let a timer not happen; answers whether it was still to happen.

        A handler that runs already is not stopped, but its outcome is not written.
        """
        from bot.timers.store import cancel

        return await self._write(lambda given: cancel(given, timer_id, self._now()), session)

    async def reschedule(
        self, timer_id: int, due_at: datetime, *, session: AsyncSession | None = None
    ) -> bool:
        """Let a timer happen at another time; answers whether it was still to happen."""
        from bot.timers.store import reschedule

        return await self._write(lambda given: reschedule(given, timer_id, due_at), session)

    def begin(self) -> None:
        """Start the thread once the database is open; called when the bot is ready.

        After a pause it goes on.
        """
        if self._paused and not self._closing:
            self._paused = False
            self._runner.go_on()
            if self._scheduler is not None:
                self._scheduler.doubt()
                self._scheduler.wake()
        if self._keeper is None and not self._closing:
            # In a context of its own: it outlives the event in which it may be asked for.
            self._keeper = contextvars.Context().run(self._start)

    def wake(self) -> None:
        """Look at the database now; what is scheduled here does that by itself."""
        if self._scheduler is not None:
            self._scheduler.wake()
            return
        client = self._services.client
        if client is not None and client.is_ready() and not self._paused:
            self.begin()  # somebody asked for timers after the start

    def pause(self) -> None:
        """Hand out nothing more: another process is about to lead. What runs may end."""
        self._paused = True
        self._runner.pause()

    async def close(self) -> None:
        """Hand out nothing more; let what is being sent end, and write what became of it."""
        self._closing = True
        self.pause()
        await self._runner.close(CLOSE_HANDLERS_S)
        if self._scheduler is not None:
            self._scheduler.stop()
        keeper = self._keeper
        if keeper is not None and not keeper.done():
            if self._scheduler is None:
                keeper.cancel()
            _, late = await asyncio.wait({keeper}, timeout=CLOSE_THREAD_S)
            if late:
                keeper.cancel()
                log.warning("timers.not_stopped", timeout_s=CLOSE_THREAD_S)

    def _start(self) -> asyncio.Task[None]:
        return self._services.tasks.create_task(self._keep(), name="timers")

    async def _keep(self) -> None:
        """Keep a thread at work until the end; it ends by itself only by a mistake in it."""
        unsubscribe = self._services.bridge.subscribe(self._runner.take)
        try:
            while not self._closing and await self._services.storage.until_open():
                await self._one_thread()
                if not self._closing:
                    await asyncio.sleep(AGAIN_S)
        finally:
            unsubscribe()

    async def _one_thread(self) -> None:
        engine = await self._services.storage.sync_engine()
        from bot.timers.store import FAILURES, TimerStore  # the database is open: it is imported

        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def call(function: Callable[[], None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(function)

        before = self._scheduler
        self._scheduler = scheduler = Scheduler(
            TimerStore(engine, instance=self._instance),
            failures=FAILURES,
            kinds=lambda: () if self._paused else self._kinds,
            publish=self._services.bridge.publish,
            now=self._now,
            on_failure=lambda: call(self._services.storage.look),
            on_end=lambda: call(ended.set),
        )
        if before is not None:
            scheduler.adopt(before)
        scheduler.start()
        await ended.wait()
        if not self._closing:
            log.error("timers.thread_ended", again_in_s=AGAIN_S)

    def _report(self, ended: Ended) -> None:
        if self._scheduler is not None:
            self._scheduler.report(ended)

    async def _write(
        self, work: Callable[[AsyncSession], Awaitable[T]], session: AsyncSession | None
    ) -> T:
        if session is None:
            answer = await self._services.storage.write(work)
            self.wake()
            return answer
        from sqlalchemy import event

        event.listen(session.sync_session, "after_commit", lambda _: self.wake(), once=True)
        return await work(session)
