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
import importlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import structlog

from bot.storage.database import SQLITE_FILE
from bot.storage.errors import SchemaError, StorageError
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
State = Literal["closed", "opening", "ready", "degraded"]

OPEN_WAIT_S = 10.0  # of a question that comes before the database is open
RETRY_FOR_S = 10.0
BACKOFF_S, BACKOFF_CAP_S = 0.05, 5.0
CLOSE_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageHealth:
    """How the database does.

    Attributes:
        since_s: Monotonic time at which *state* began.
        retried: Transactions that were run again.
        failed: Questions that got no answer.
    """

    name: str
    state: State
    since_s: float
    retried: int = 0
    failed: int = 0
    problem: str | None = None


def opened_for(settings: BotSettings) -> Opened:
    """Answer the engines, not connected yet; for a thread, since it imports SQLAlchemy."""
    from bot.storage.opened import Opened

    url = settings.database_url.get_secret_value().strip()
    return Opened(url, settings.state_dir / SQLITE_FILE)


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
        self._health = StorageHealth(name=self.dialect, state="closed", since_s=clock())
        self._preloaded = ["bot.storage.opened"]
        self._opened: Opened | None = None
        self._opening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._writing = asyncio.Lock()
        self._transactions: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def health(self) -> StorageHealth:
        """How it does; from any thread."""
        return self._health

    def preload(self, module: str) -> None:
        """Import *module* in a thread before the database is open, not in the loop."""
        self._preloaded.append(module)

    def start(self) -> None:
        """Begin to open the database, if nobody did."""
        if self._opening is None and not self._closed:
            self._move("opening")
            # In a context of its own: it may outlive the event in which somebody asked first.
            self._opening = contextvars.Context().run(self._begin)

    async def opened(self) -> None:
        """Wait for the opening: what is then imported need not bring SQLAlchemy into the loop.

        Raises:
            StorageError: it is not open yet.
        """
        await self._open_database()

    async def read(self, work: Work[T]) -> T:
        """Answer what *work* answers, in one transaction that is not meant to write.

        Raises:
            StorageError: the database did not answer.
        """
        return await self._run(work, writes=False)

    async def write(self, work: Work[T]) -> T:
        """Answer what *work* answers, in one transaction, committed before this answers.

        *work* may be called again from its beginning; it must do nothing outside the database.

        Raises:
            StorageError: the database did not answer. With PostgreSQL it may in rare cases have
                kept the transaction all the same, when its answer was lost.
        """
        if self.dialect == "postgresql":
            return await self._run(work, writes=True)
        async with self._writing:  # SQLite has one writer; waiting here is fair, there it is not
            return await self._run(work, writes=True)

    async def sync_engine(self) -> Engine:
        """Answer an engine for a thread's own transactions, once the database is open."""
        return (await self._open_database()).plain

    async def close(self) -> None:
        """Let go of the database; questions are refused from now on."""
        self._closed = True
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait({self._opening}, timeout=CLOSE_TIMEOUT_S)
        if self._transactions:
            await asyncio.wait(tuple(self._transactions), timeout=CLOSE_TIMEOUT_S)
        opened, self._opened = self._opened, None
        self._move("closed")
        if opened is not None:
            try:
                await with_timeout(opened.close(), CLOSE_TIMEOUT_S)
            except TimeoutError:
                log.warning("storage.not_closed", timeout_s=CLOSE_TIMEOUT_S)

    def _begin(self) -> asyncio.Task[None]:
        return self._tasks.create_task(self._keep_opening(), name="storage-opening")

    async def _keep_opening(self) -> None:
        """Open the database, however long that takes."""
        await self._import()
        opened = await asyncio.to_thread(opened_for, self._settings)
        self._health = replace(self._health, name=opened.name)
        delay_s = BACKOFF_S
        while True:
            try:
                await asyncio.to_thread(opened.prepare)
                break
            except SchemaError as error:
                log.error("storage.refused", advice=error.advice)
                await opened.close()
                self._closed = True
                self._ready.set()  # whoever waits for it need not wait longer
                self._on_refused(error)
                return
            except opened.errors as error:
                self._degrade(opened.advice(error))
            await asyncio.sleep(delay_s)
            delay_s = min(BACKOFF_CAP_S, delay_s * 2)
        self._opened = opened
        self._move("ready")
        self._ready.set()
        log.info("storage.opened", database=self.dialect)

    async def _import(self) -> None:
        """In threads: the imports that the first second had no time for."""
        for module in self._preloaded:
            importing = asyncio.get_running_loop().run_in_executor(
                None, importlib.import_module, module
            )
            await asyncio.wait({importing})
            if importing.exception() is not None:  # whoever needs it will meet the error again
                log.warning("storage.import_failed", module=module)

    async def _open_database(self) -> Opened:
        if self._closed:
            raise StorageError(self._health.name, "it is closed, since the bot is stopping")
        self.start()
        if self._opened is None:
            try:
                await with_timeout(self._ready.wait(), OPEN_WAIT_S)
            except TimeoutError:
                problem = self._health.problem or "it is not open yet"
                self._health = replace(self._health, failed=self._health.failed + 1)
                raise StorageError(self._health.name, problem) from None
        if self._opened is None:
            raise StorageError(self._health.name, "it is closed, since the bot is stopping")
        return self._opened

    async def _run(self, work: Work[T], *, writes: bool) -> T:
        opened = await self._open_database()
        # While it is known to be away, nobody waits for it longer than once.
        patient = self._health.state == "ready"
        until_s, delay_s = self._clock() + RETRY_FOR_S, BACKOFF_S
        while True:
            try:
                answer = await self._whole(opened.transaction(work, writes=writes))
            except opened.transient as error:
                advice = opened.advice(error)
                over = not patient or self._clock() + delay_s > until_s
                if over or self._closed or opened.is_doubtful(error):
                    self._fail(advice)
                    raise StorageError(opened.name, advice) from error
                self._retry(advice)
                await asyncio.sleep(delay_s)
                delay_s = min(BACKOFF_CAP_S, delay_s * 2)
            else:
                self._recover()
                return answer

    async def _whole(self, transaction: Coroutine[Any, Any, T]) -> T:
        """Let a transaction that was begun end, whatever becomes of who asked for it.

        Cut off in the middle, its connection would be lost, and nobody would know what was kept.
        """
        task = self._tasks.create_task(transaction, name="storage-transaction")
        self._transactions.add(task)
        task.add_done_callback(self._transactions.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                await asyncio.wait({task})
            raise

    def _move(self, state: State, problem: str | None = None) -> None:
        self._health = replace(self._health, state=state, since_s=self._clock(), problem=problem)

    def _retry(self, advice: str) -> None:
        self._health = replace(self._health, retried=self._health.retried + 1)
        log.info("storage.retried", problem=advice)

    def _fail(self, advice: str) -> None:
        self._health = replace(self._health, failed=self._health.failed + 1)
        self._degrade(advice)

    def _degrade(self, advice: str) -> None:
        if self._health.state != "degraded":
            log.warning("storage.degraded", problem=advice)
            self._move("degraded", advice)

    def _recover(self) -> None:
        if self._health.state == "degraded":
            log.info("storage.recovered", after_s=round(self._clock() - self._health.since_s, 1))
            self._move("ready")
