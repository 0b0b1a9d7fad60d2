"""`services.storage`: transactions on the installation's database, whatever it is up to.

It opens by itself, after READY or at the first question: SQLAlchemy takes longer to import than the
bot takes to be ready. A transaction that meets a busy or lost database is run again from its
beginning; when the database stays away, the question fails, the bot goes on, and the next question
asks again. No fault of a database is a reason to end the process, but for a schema that is newer
than this version: that one no waiting mends.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import structlog

from bot.storage.condition import Condition, StorageHealth
from bot.storage.errors import NoAnswerError, SchemaError, StorageError
from bot.storage.opening import import_all, opened_for
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.settings import BotSettings
    from bot.storage.opened import Opened
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)

T = TypeVar("T")
Work = Callable[["AsyncSession"], Awaitable[T]]
OPEN_WAIT_S = 10.0  # of a question that comes before the database is open
RETRY_FOR_S = 10.0
BACKOFF_S, BACKOFF_CAP_S = 0.05, 5.0
CLOSE_TIMEOUT_S = 3.0
ANSWER_WITHIN_S = 20.0  # longer than any limit of a statement or a connection
WATCH_S = 10.0  # between looks at where the file of SQLite is
PING_S = 60.0  # between looks at whether PostgreSQL answers, for a bot that has nothing to ask


class Storage:
    """One database; `read` and `write` are to be called in the loop, `sync_engine` anywhere."""

    def __init__(
        self,
        settings: BotSettings,
        *,
        tasks: TaskManager,
        on_refused: Callable[[SchemaError], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._tasks, self._clock = settings, tasks, clock
        self._on_refused = on_refused
        url = settings.database_url.get_secret_value().strip()
        self.dialect: Literal["sqlite", "postgresql"] = "postgresql" if url else "sqlite"
        self._condition = Condition(self.dialect, clock=clock)
        self._preloaded = ["bot.storage.opened"]
        self._opened: Opened | None = None
        self._opening: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()  # it is open, or it never will be
        self._writing = asyncio.Lock()
        self._transactions: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def health(self) -> StorageHealth:
        """How it does; from any thread."""
        return self._condition.health

    def preload(self, module: str) -> None:
        """Import *module* in a thread before the database is open, not in the loop."""
        self._preloaded.append(module)

    def start(self) -> None:
        """Begin to open the database, if nobody did."""
        if self._opening is None and not self._closed:
            self._condition.move("opening")
            # In a context of its own: it may outlive the event in which somebody asked first.
            self._opening = contextvars.Context().run(self._begin)

    async def opened(self) -> None:
        """Wait for the opening: what is then imported need not bring SQLAlchemy into the loop.

        Raises:
            StorageError: it is not open yet.
        """
        await self._open_database()

    async def until_open(self) -> bool:
        """Wait for the opening, however long it takes; answers False once the bot stops instead."""
        self.start()
        await self._settled.wait()
        return self._opened is not None

    def when_open(self, work: Callable[[], Awaitable[None]], *, name: str) -> asyncio.Task[None]:
        """Do *work* in a task of its own once the database is open.

        What loses the database is done again from its beginning; nothing is, once the bot stops.
        """
        # In a context of its own: it is no part of the event in which somebody asked for it.
        make = partial(self._tasks.create_task, self._insist(work), name=name)
        return contextvars.Context().run(make)

    async def read(self, work: Work[T]) -> T:
        """Answer what *work* answers, in one transaction that is not meant to write.

        Raises:
            StorageError: the database did not answer.
        """
        return await self._ask(work, writes=False)

    async def write(self, work: Work[T]) -> T:
        """Answer what *work* answers, in one transaction, committed before this answers.

        *work* may be called again from its beginning; it must do nothing outside the database.

        Raises:
            StorageError: the database did not answer. With PostgreSQL it may in rare cases have
                kept the transaction all the same, when its answer was lost.
        """
        return await self._ask(work, writes=True)

    def look(self) -> None:
        """Somebody has failed at the database by other ways: see whether it answers."""
        if self._opened is not None and (self._looking is None or self._looking.done()):
            make = partial(self._tasks.create_task, self._look(self._opened), name="storage-look")
            self._looking = contextvars.Context().run(make)

    async def sync_engine(self) -> Engine:
        """Answer an engine for a thread's own transactions, once the database is open."""
        return (await self._open_database()).plain

    async def close(self) -> None:
        """Let go of the database; questions are refused from now on."""
        self._closed = True
        self._settled.set()
        own = [task for task in (self._opening, self._looking) if task and not task.done()]
        for task in own:
            task.cancel()
        if own:
            await asyncio.wait(own, timeout=CLOSE_TIMEOUT_S)
        if self._transactions:
            await asyncio.wait(tuple(self._transactions), timeout=CLOSE_TIMEOUT_S)
        opened, self._opened = self._opened, None
        self._condition.move("closed")
        if opened is not None:
            try:
                await with_timeout(opened.close(), CLOSE_TIMEOUT_S)
            except TimeoutError:
                log.warning("storage.not_closed", timeout_s=CLOSE_TIMEOUT_S)

    def _begin(self) -> asyncio.Task[None]:
        return self._tasks.create_task(self._keep(), name="storage-opening")

    async def _keep(self) -> None:
        """Open the database, however long that takes, and see that its file stays in its place."""
        await import_all(self._preloaded)
        opened = await asyncio.to_thread(opened_for, self._settings)
        self._condition.name(opened.name)
        if not await self._prepare(opened):
            return
        self._opened = opened
        self._condition.move("ready")
        self._settled.set()
        log.info("storage.opened", database=self.dialect)
        while opened.file is None:
            await asyncio.sleep(PING_S)
            self.look()
        else:
            while await asyncio.to_thread(opened.file.is_in_place):  # noqa: ASYNC110 - a file
                await asyncio.sleep(WATCH_S)
            self._condition.damaged(await asyncio.to_thread(opened.rescue, datetime.now(UTC)))

    async def _prepare(self, opened: Opened) -> bool:
        """Answer False when its tables are of a newer version."""
        delay_s = BACKOFF_S
        while True:
            try:
                await asyncio.to_thread(opened.prepare)
            except SchemaError as error:
                log.error("storage.refused", advice=error.advice)
                await opened.close()
                self._closed = True
                self._settled.set()
                self._on_refused(error)
                return False
            except opened.errors as error:
                self._condition.lost(opened.advice(error), to_writes=True)
            else:
                return True
            await asyncio.sleep(delay_s)
            delay_s = min(BACKOFF_CAP_S, delay_s * 2)

    async def _open_database(self) -> Opened:
        self.start()
        if not self._settled.is_set():
            try:
                await with_timeout(self._settled.wait(), OPEN_WAIT_S)
            except TimeoutError:
                raise self._refusal("it is not open yet") from None
        if self._opened is None or self._closed:
            raise self._refusal("it is closed, since the bot is stopping")
        return self._opened

    def _refusal(self, why: str) -> StorageError:
        return StorageError(self.health.name, self.health.problem or why)

    async def _insist(self, work: Callable[[], Awaitable[None]]) -> None:
        while await self.until_open():
            try:
                await work()
            except StorageError:
                await asyncio.sleep(BACKOFF_CAP_S)
            else:
                return

    async def _look(self, opened: Opened) -> None:
        while True:
            try:
                await self._in_turn(opened.touch, writes=True)
            except StorageError:
                await asyncio.sleep(BACKOFF_CAP_S)
            else:
                return

    async def _ask(self, work: Work[T], *, writes: bool) -> T:
        try:
            return await self._in_turn(work, writes=writes)
        except StorageError:
            self._condition.failed()
            raise

    async def _in_turn(self, work: Work[T], *, writes: bool) -> T:
        """SQLite has one writer; waiting here is fair, there it is not."""
        if not writes or self.dialect == "postgresql":
            return await self._run(work, writes=writes)
        waits = self._writing.locked()
        async with self._writing:
            if waits and self._condition.is_lost:
                raise self._refusal("it did not answer")
            return await self._run(work, writes=True)

    async def _run(self, work: Work[T], *, writes: bool) -> T:
        opened = await self._open_database()
        # While it is known to be away, nobody waits for it longer than once.
        patient = not self._condition.is_lost
        until_s, delay_s = self._clock() + RETRY_FOR_S, BACKOFF_S
        while True:
            try:
                answer = await self._whole(opened.transaction(work, writes=writes))
            except NoAnswerError as error:
                self._condition.lost(str(error), to_writes=writes)
                self.look()
                raise StorageError(opened.name, str(error)) from None
            except opened.transient as error:
                advice = opened.advice(error)
                over = not patient or self._clock() + delay_s > until_s
                if opened.is_damage(error):
                    self._condition.damaged(advice)
                elif opened.is_doubtful(error):
                    self.look()
                elif over or self._closed:
                    self._condition.lost(advice, to_writes=writes)
                    self.look()
                else:
                    self._condition.retried(advice)
                    await asyncio.sleep(delay_s)
                    delay_s = min(BACKOFF_CAP_S, delay_s * 2)
                    continue
                raise StorageError(opened.name, advice) from error
            self._condition.answered(to_writes=writes)
            return answer

    async def _whole(self, transaction: Coroutine[Any, Any, T]) -> T:
        """Let a transaction that was begun end, whatever becomes of who asked for it.

        Cut off in the middle, its connection would be lost, and nobody would know what was kept.
        """
        task = self._tasks.create_task(transaction, name="storage-transaction")
        self._transactions.add(task)
        task.add_done_callback(self._transactions.discard)
        try:
            await asyncio.wait({task}, timeout=ANSWER_WITHIN_S)
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=ANSWER_WITHIN_S)
            raise
        if not task.done():
            raise NoAnswerError
        return task.result()
