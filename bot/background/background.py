"""`services.background`: long work that outlives the process it began in.

A job is a row first and work second. A process that starts looks for the jobs of earlier ones:
what can be resumed goes on from its last checkpoint, the rest is reported as interrupted.
"""

from __future__ import annotations

import asyncio
import contextvars
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
import structlog
from discord.ext import commands

from bot.background.board import Board
from bot.background.cancelling import CancelButton
from bot.background.entry import Entry, Fate, Place, fate, instance_name
from bot.background.kinds import TIMEOUT_S, Ended, JobContext, Kind, Work
from bot.background.run import Means, Run
from bot.commands.origins import origin_of
from bot.commands.refusals import Refused
from bot.tasks.job import Priority

if TYPE_CHECKING:
    from bot.background.store import JobStore
    from bot.services import Services

log = structlog.get_logger(__name__)

__all__ = ["BackgroundJobs", "JobContext", "Priority"]

Asked = commands.Context[Any] | discord.Interaction[Any]
MAX_OPEN = 100
MAX_OPEN_OF_A_USER = 5
CLOSE_TIMEOUT_S = 5.0


class BackgroundJobs:
    """All background jobs of this process; everything is to be called in the loop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kinds: dict[str, Kind] = {}
        self._runs: dict[int, Run] = {}
        self._driving: set[asyncio.Task[None]] = set()
        self._looking: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._begun = False
        self._token = secrets.token_hex(8)
        self._made: tuple[JobStore, Means] | None = None
        if services.client is not None:
            services.client.add_dynamic_items(CancelButton)
        services.storage.preload("bot.background.store")

    def handle(
        self,
        kind: str,
        work: Work,
        *,
        resumable: bool = True,
        ended: Ended | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Say what does the jobs of a kind, as `Kind` describes; in a cog's `cog_load`."""
        self._kinds[kind] = Kind(
            name=kind, work=work, resumable=resumable, ended=ended, timeout_s=timeout_s
        )
        if self._begun:  # a plugin that was loaded later: its jobs have waited for it
            self._look(kind, f"jobs-of-{kind}")

    def forget(self, kind: str) -> None:
        """Take no more jobs of a kind; those at work go on."""
        self._kinds.pop(kind, None)

    def begin(self) -> None:
        """Look for what earlier processes left; called once the bot is ready."""
        if not self._begun:
            self._begun = True
            self._closing.clear()
            self._look(None, "jobs-take-over")

    def pause(self) -> None:
        """Stop all work: what is resumable goes on in the process that is about to lead."""
        self._begun = False
        self._token = secrets.token_hex(8)  # should this one lead again, it adopts what it has left
        self._closing.set()
        for task in self._looking:
            task.cancel()  # what it has not adopted is left to the next process
        for run in tuple(self._runs.values()):
            run.stop()

    async def close(self) -> None:
        """Stop all work, and wait for its end."""
        self.pause()
        if self._driving:
            await asyncio.wait(self._driving, timeout=CLOSE_TIMEOUT_S)

    async def submit(
        self,
        kind: str,
        asked: Asked,
        *,
        title: str,
        args: Mapping[str, Any] | None = None,
        priority: int = Priority.NORMAL,
    ) -> int:
        """Begin a job; answers its id. Asked again for the same event, that of the same job.

        Args:
            kind: One that `handle` knows.
            title: Shown to everybody in the channel; one line.
            args: JSON.

        Raises:
            Refused: too many jobs wait.
            StorageError: it is not begun.
        """
        from bot.background.store import NewJob

        if kind not in self._kinds:
            raise ValueError(f"nothing handles jobs of the kind {kind!r}")
        place = Place(
            guild_id=asked.guild.id if asked.guild is not None else None,
            channel_id=asked.channel.id if asked.channel is not None else None,
            user_id=asked.author.id if isinstance(asked, commands.Context) else asked.user.id,
            origin=origin_of(asked),
        )
        self._check_room(place.user_id)
        new = NewJob(
            kind=kind,
            title=title,
            place=place,
            priority=int(priority),
            args=dict(args or {}),
            instance=self._instance,
        )
        entry, is_new = await self._store.add(new)
        if is_new:
            self._start(entry, "resume")
        else:  # an event that is handled again; perhaps by another process than the first time
            await self._adopt(entry)
        return entry.id

    async def find(self, job_id: int) -> Entry | None:
        """Answer a job, None if there never was one or it is forgotten."""
        run = self._runs.get(job_id)
        return run.entry if run is not None else await self._store.get(job_id)

    async def of_origin(self, kind: str, origin: int) -> Entry | None:
        """Answer the job that a message or interaction began; None if it is forgotten."""
        return await self._store.of_origin(kind, origin)

    async def newest(self, limit: int, *, guild_id: int | None = None) -> Sequence[Entry]:
        """Answer the newest jobs, newest first, with what is known of them at this moment."""
        entries = await self._store.newest(limit, guild_id)
        return [self._runs[each.id].entry if each.id in self._runs else each for each in entries]

    async def cancel(self, job_id: int) -> None:
        """Cancel a job, whoever works on it.

        Raises:
            Refused: there is no such job, or it is over.
        """
        if not await self._store.cancel(job_id):
            entry = await self._store.get(job_id)
            words = f"is {entry.status} already" if entry is not None else "is not known to me"
            raise Refused(f"Job {job_id} {words}.")
        run = self._runs.get(job_id)
        if run is not None:
            run.cancel()
            return
        entry = await self._store.get(job_id)  # nobody works on it: its plugin is not loaded
        if entry is not None:
            self._start(entry, "settle")

    # Who works on what

    @property
    def _instance(self) -> str:
        client = self._services.client
        return instance_name(client.application_id if client is not None else None, self._token)

    @property
    def _store(self) -> JobStore:
        return self._parts()[0]

    def _parts(self) -> tuple[JobStore, Means]:
        if self._made is None:
            from bot.background.store import JobStore

            services, client = self._services, self._services.client
            if client is None:
                raise RuntimeError("background jobs need a client to show them")
            store = JobStore(services.storage)
            means = Means(
                store=store,
                board=Board(client),
                jobs=services.jobs,
                tasks=services.tasks,
                closing=self._closing,
                leaving=lambda: self._closing.is_set() or client.is_closed(),
            )
            self._made = store, means
        return self._made

    def _check_room(self, user_id: int) -> None:
        own = sum(run.entry.place.user_id == user_id for run in self._runs.values())
        if own >= MAX_OPEN_OF_A_USER or len(self._runs) >= MAX_OPEN:
            whose = "your jobs" if own >= MAX_OPEN_OF_A_USER else "jobs"
            raise Refused(f"Too many of {whose} wait already. Please try again when some are done.")

    def _look(self, kind: str | None, name: str) -> None:
        async def take_over() -> None:
            for entry in await self._store.unsettled(kind):
                await self._adopt(entry)

        task = self._services.storage.when_open(take_over, name=name)
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _adopt(self, entry: Entry) -> None:
        """Go on with a job of another process, if it is one to go on with."""
        known = self._kinds.get(entry.kind)
        resumable = known.resumable if known is not None else None
        verdict = fate(entry, instance=self._instance, resumable=resumable)
        if verdict in ("leave", "wait") or entry.id in self._runs:
            return
        if not await self._store.take_over(entry, self._instance):
            return
        log.info("background_job.taken_over", job=entry.id, kind=entry.kind, verdict=verdict)
        self._start(replace(entry, instance=self._instance), verdict)

    def _start(self, entry: Entry, verdict: Fate) -> None:
        run = Run(entry, self._kinds.get(entry.kind), self._parts()[1])
        self._runs[entry.id] = run
        if verdict == "interrupt":
            work = run.settle("interrupted")
        elif verdict == "settle":
            work = run.settle(entry.status)
        else:
            work = run.work()
        task = self._detach(work, f"background-job-{entry.id}")
        task.add_done_callback(partial(self._forget_run, entry.id))

    def _forget_run(self, job_id: int, task: asyncio.Task[None]) -> None:
        self._runs.pop(job_id, None)

    def _detach(self, coro: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task that belongs to no event: it may outlive the one that asked for it."""
        make = partial(self._services.tasks.create_task, coro, name=name)
        task = contextvars.Context().run(make)
        self._driving.add(task)
        task.add_done_callback(self._driving.discard)
        return task
