"""The spare: everything is ready but the right to serve, which it waits for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import structlog

from bot import stood_down, warm
from bot.errors import PermanentError, TemporaryError
from bot.imports import beside, import_beside
from bot.leadership import FileLeadership
from bot.tasks.timeouts import with_timeout
from bot.vitals import beat_path
from watchdog.heartbeat import file, identity, schema

if TYPE_CHECKING:
    from bot.gateway.connection import GatewayConnection
    from bot.gateway.recall import Recall
    from bot.settings import BotSettings
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)

SEAT = "spare.lock"
SEAT_TIMEOUT_S = 30.0
PATIENCE_S = 5.0
LOOK_EVERY_S = 0.2
FOLLOW_EVERY_S = 1.0


class Standby:
    """Waits for the lead of one installation; `is_warm` once it could take over at once."""

    def __init__(
        self,
        settings: BotSettings,
        leadership: FileLeadership,
        connection: GatewayConnection,
        recall: Recall,
        tasks: TaskManager,
        *,
        gives_way: bool,
        on_warm: Callable[[], None],
    ) -> None:
        """*gives_way*: at a start of both the other process is to lead."""
        self.is_warm, self._on_warm, self._leads = False, on_warm, asyncio.Event()
        self._settings, self._leadership, self._gives_way = settings, leadership, gives_way
        self._connection, self._recall, self._tasks = connection, recall, tasks

    async def until_leading(self) -> None:
        """Answer once this process leads; a login may still be under way.

        Raises:
            TemporaryError: there is a spare already.
        """
        with FileLeadership(self._settings.state_dir / SEAT) as seat:
            await self._take(seat)
            await self._import(warm.first(self._settings))
            async with self._tasks.managed_task_context() as scope:
                warming = scope.create_task(self._keep_warm(), name="spare-warming")
                await self._give_way()
                await self._lead()
                self._leads.set()
                if self._connection.is_logged_in:
                    await warming  # a step of following the leader is not broken off

    async def _give_way(self) -> None:
        """Wait for the program `bot` to come and lead, for a while."""
        for _ in range(round(PATIENCE_S / LOOK_EVERY_S) if self._gives_way else 0):
            if self._leadership.is_taken():
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _take(self, seat: FileLeadership) -> None:
        """Be the only spare, or lead when nobody does any more."""
        try:
            await seat.acquire(SEAT_TIMEOUT_S)
        except TemporaryError as error:
            raise TemporaryError("another_spare", retry_at_s=error.retry_at_s) from error

    async def _import(self, modules: Iterable[str]) -> None:
        for module in await import_beside(modules):
            log.info("spare.import_failed", module=module)

    async def _warm_up(self) -> None:
        """Import what can wait, but not for a takeover: should it come now, it comes."""
        await self._import(warm.later(self._settings))
        if not self._settings.bot_factory and not await beside(warm.database, self._settings):
            log.info("spare.database_not_warm")
        self.is_warm = True
        self._on_warm()
        log.info("spare.warm")

    async def _keep_warm(self) -> None:
        """Log in once the leader serves: what Discord refuses or limits is tried by one only."""
        await self._warm_up()
        while not self._leads.is_set() and not self._leader_is_ready():
            await self._pause(LOOK_EVERY_S)
        try:
            await self._connection.warm_up()
        except PermanentError as error:  # the leader hears of it too; so will this one if it leads
            log.warning("spare.login_refused", kind=error.kind)
            return
        while not self._leads.is_set():
            await self._recall.follow()
            await self._pause(FOLLOW_EVERY_S)

    async def _pause(self, pause_s: float) -> None:
        """Wait, but not longer than until this process leads."""
        with contextlib.suppress(TimeoutError):
            await with_timeout(self._leads.wait(), pause_s)

    def _leader_is_ready(self) -> bool:
        try:
            beat = schema.decode(file.read(beat_path(self._settings.state_dir, leads=True)))
        except (OSError, schema.HeartbeatError):
            return False
        who = identity.read(beat.pid)
        alive = who is not None and beat.is_of(who.pid, who.started)
        return alive and beat.state == "ready" and beat.boot_id == identity.boot_id()

    async def _lead(self) -> None:
        while True:
            await self._leadership.wait()
            if not stood_down.is_left(self._settings.state_dir):
                return
            # Somebody ended it for good: the lock is free, but not for us.
            self._leadership.release()
            log.info("spare.stood_down")
            while stood_down.is_left(self._settings.state_dir):  # noqa: ASYNC110 - a file
                await asyncio.sleep(LOOK_EVERY_S)
