"""One background job in this process, from when it is taken until nothing is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import discord
import structlog

from bot.background.entry import OPEN, Entry, Status
from bot.background.kinds import RETRIES, JobContext, Kind
from bot.commands.refusals import Refused
from bot.commands.replies import explain
from bot.storage.errors import StorageError
from bot.tasks.jobs import Job, JobQueue, QueueFullError
from bot.tasks.timeouts import wait_for_safe

if TYPE_CHECKING:
    from bot.background.board import Board
    from bot.background.store import JobStore
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)

T = TypeVar("T")
PAINT_EVERY_S = 2.0  # Discord takes 5 edits in 5 s for a channel, and others want some of them
PATIENCE_S = 5.0  # between two tries while the database, or room in the queue, is missed
# What another attempt may mend.
TRANSIENT = (discord.DiscordServerError, aiohttp.ClientError, OSError, TimeoutError, StorageError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all runs share; *leaving* says whether this process can't send any more, or soon."""

    store: JobStore
    board: Board
    jobs: JobQueue
    tasks: TaskManager
    closing: asyncio.Event
    leaving: Callable[[], bool]


class TakenError(Exception):
    """Another process has the job now: this one has nothing to do with it any more."""


class Run:
    """Drives one job, for as long as this process has it.

    Attributes:
        entry: The job, as new as it is known here.
        cancelled: Whether its row says so already.
    """

    def __init__(self, entry: Entry, kind: Kind | None, means: Means) -> None:
        self.entry, self.cancelled = entry, False
        self._kind, self._means = kind, means
        self._context = JobContext(self)
        self._job: Job[str | None] | None = None
        self._refusal: str | None = None
        self._taken = False
        self._painter: asyncio.Task[None] | None = None
        self._changed, self._over = asyncio.Event(), asyncio.Event()

    # For the job's code

    def show(self, done: int, total: int | None, text: str | None) -> None:
        """Note how far it is; shown with the next edit."""
        self.entry = replace(self.entry, done=done, total=total, note=text)
        self._changed.set()

    async def keep(self, state: Mapping[str, Any]) -> None:
        """Keep what a resume needs.

        Raises:
            TakenError: the job ends here.
        """
        values = {"checkpoint": dict(state), "done": self.entry.done, "total": self.entry.total}
        if not await self._means.store.note(self.entry, **values):
            raise TakenError
        self.entry = replace(self.entry, checkpoint=dict(state))

    # Its life

    async def work(self) -> None:
        """Do the job, however often that must be begun, and settle it."""
        assert self._kind is not None  # noqa: S101 - a job of no known kind is not begun
        if self.entry.message_id is None and not self.entry.began:
            await self._post()
        self._job = await self._submit(self._kind)
        if self._job is None:
            return
        self._painter = self._means.tasks.create_task(
            self._paint(), name=f"job-{self.entry.id}-shown"
        )
        if self.cancelled:  # while it waited for room
            self._job.cancel()
        await self._job.wait()
        self._over.set()
        self._changed.set()
        if self._taken:
            log.info("background_job.taken", job=self.entry.id)
        elif self._is_left(self._job):
            log.info("background_job.left", job=self.entry.id)
        else:
            await self._end(self._job)

    def _is_left(self, job: Job[str | None]) -> bool:
        """Whether it goes on in the next process, or is reported there.

        What fails while the bot stops fails for that: the database and Discord are let go of.
        """
        return job.status != "done" and not self.cancelled and self._means.leaving()

    def cancel(self) -> None:
        """Stop working; the row says already that it is cancelled."""
        self.cancelled = True
        self.stop()

    def stop(self) -> None:
        """Stop working; the row says what becomes of it."""
        if self._job is not None:
            self._job.cancel()

    async def settle(
        self, status: Status, *, note: str | None = None, error: str | None = None
    ) -> None:
        """Tell how it ended, and note that nothing is left to do."""
        store, hook = self._means.store, self._kind.ended if self._kind is not None else None
        if self.entry.status in OPEN:
            ended = await self._insist(
                lambda: store.end(self.entry, status, note=note, error=error)
            )
            if not ended:
                found = await self._insist(self._reread)
                if found is None:
                    return
                status = found.status
        shown = note if note is not None else self.entry.note
        told = error if error is not None else self.entry.error
        self.entry = replace(self.entry, status=status, note=shown, error=told)
        if hook is not None and status != "done":
            try:
                await hook(self._context, status)
            except (*TRANSIENT, discord.DiscordException) as failed:
                name = type(failed).__name__
                log.warning("background_job.end_not_told", job=self.entry.id, error=name)
        await self._show_end()
        await self._insist(lambda: store.settle(self.entry, datetime.now(UTC)))
        log.info("background_job.ended", job=self.entry.id, kind=self.entry.kind, status=status)

    async def _submit(self, kind: Kind) -> Job[str | None] | None:
        """Queue it as soon as there is room; None when the bot stops first."""
        while not self._means.closing.is_set():
            try:
                return self._means.jobs.submit(
                    self._attempt,
                    priority=self.entry.priority,
                    timeout_s=kind.timeout_s,
                    retries=RETRIES if kind.resumable else 0,
                    name=f"{kind.name} {self.entry.id}",
                    retry_on=TRANSIENT,
                )
            except QueueFullError:
                await wait_for_safe(self._means.closing.wait(), PATIENCE_S)
        return None

    async def _attempt(self) -> str | None:
        assert self._kind is not None  # noqa: S101 - as in `work`
        now = datetime.now(UTC)
        if not await self._means.store.begin(self.entry, now):
            self._taken = await self._reread() is None
            self.cancelled = not self._taken
            return None
        self._context.resumed = self.entry.began
        self.entry = replace(self.entry, status="running", started_at=now)
        self._changed.set()
        try:
            return await self._kind.work(self._context)
        except Refused as error:  # nothing is wrong with the code, and no retry mends it
            self._refusal = str(error)
            return None
        except TakenError:
            self._taken = True
            return None

    async def _reread(self) -> Entry | None:
        """Answer the row, None when another process has it."""
        found = await self._means.store.get(self.entry.id)
        return found if found is not None and found.instance == self.entry.instance else None

    async def _end(self, job: Job[str | None]) -> None:
        if self.cancelled:
            self.entry = replace(self.entry, status="cancelled")
            note = await job.result() if job.status == "done" else None
            await self.settle("cancelled", note=note)
        elif self._refusal is not None:
            await self.settle("failed", error=self._refusal)
        elif job.status == "done":
            await self.settle("done", note=await job.result() or "")
        else:
            error = job.error or RuntimeError("it ended without a word")
            await self.settle("failed", error=explain(error).text)

    # What is seen of it

    async def _paint(self) -> None:
        """Edit the message while the job works: what changed, and not too often."""
        while True:
            await self._changed.wait()
            if self._over.is_set():
                return  # the end is shown by `settle`
            self._changed.clear()
            await self._edit()
            entry = self.entry
            try:
                if not await self._means.store.note(
                    entry, done=entry.done, total=entry.total, note=entry.note
                ):
                    return  # its code hears of it at its next checkpoint
            except StorageError:
                log.info("background_job.progress_not_kept", job=entry.id)
            await wait_for_safe(self._over.wait(), PAINT_EVERY_S)

    async def _edit(self) -> bool:
        if self.entry.message_id is None:
            return False
        if await self._means.board.edit(self.entry):
            return True
        await self._remember(None)
        return False

    async def _post(self) -> None:
        message_id = await self._means.board.post(self.entry)
        if message_id is not None:
            await self._remember(message_id)

    async def _show_end(self) -> None:
        if self._painter is not None:  # what it is about to show is older
            await asyncio.wait({self._painter})
        if not await self._edit():
            await self._post()

    async def _remember(self, message_id: int | None) -> None:
        self.entry = replace(self.entry, message_id=message_id)
        await self._insist(lambda: self._means.store.note(self.entry, message_id=message_id))

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the database until it answers: what happened must be noted."""
        while True:
            try:
                return await ask()
            except StorageError:
                if self._means.closing.is_set():
                    raise
                log.warning("background_job.not_noted", job=self.entry.id)
                await asyncio.sleep(PATIENCE_S)
