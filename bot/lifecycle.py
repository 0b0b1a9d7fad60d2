"""Start and stop of the bot process: one AsyncExitStack, one stop request, one exit code."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import structlog

from bot import handlers, launch, services, stood_down
from bot.errors import ExitCode, PermanentError, TemporaryError
from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.stages import process_age_s
from bot.leadership import FileLeadership
from bot.standby import Standby
from bot.stop import Stop, StopSignals
from bot.tasks.manager import TaskManager
from bot.tasks.timeouts import with_timeout
from bot.vitals import Vitals, beat_path
from watchdog.heartbeat import schema

if TYPE_CHECKING:
    from bot.post import Post
    from bot.settings import BotSettings

log = structlog.get_logger(__name__)

LOCK = "leader.lock"
LEADERSHIP_TIMEOUT_S = 30.0
YIELD_S = 0.5
FALLBACK_S = 30.0  # in which a leader that stepped down leads again when the new one fails
# Shares of SHUTDOWN_TIMEOUT_S: handlers at work end by themselves, then the rest is closed.
DRAIN_SHARE, CLOSE_SHARE, CANCEL_SHARE = 0.4, 0.2, 0.2
# Whoever ends so ends for all: no spare is to take over.
FOR_GOOD: dict[ExitCode, stood_down.Reason] = {
    ExitCode.STOPPED: "shutdown",
    ExitCode.CONFIGURATION: "failed",
}

# Ends that were asked for: the spare takes over while this process still cleans up.
HANDED_OVER = (None, ExitCode.RESTART, ExitCode.TERMINATED, ExitCode.INTERRUPTED)


async def run(settings: BotSettings, signals: StopSignals, post: Post) -> ExitCode:
    """Serve, or wait as a spare, until somebody asks for the end; answers the exit code."""
    if post.is_spare and not settings.standby:
        log.info("spare.not_wanted")
        return ExitCode.STOPPED
    if not launch.make_folders(settings):
        return ExitCode.FAILED
    with FileLeadership(settings.state_dir / LOCK) as leadership:
        if post.is_spare and not leadership.is_supported():
            return ExitCode.STOPPED  # the program `bot` leads without a lock, and without a spare
        leads = not post.is_spare and await _come_first(settings, leadership)
        prepared = launch.prepare(settings, leads=leads)
        if isinstance(prepared, ExitCode):
            code = prepared
        else:
            stop = Stop(asyncio.get_running_loop())
            signals.subscribe(stop.request)
            lifecycle = Lifecycle(settings, prepared, stop, leadership, gives_way=post.is_spare)
            code = await lifecycle.live()
        if leadership.is_held and code in FOR_GOOD:
            stood_down.leave(settings.state_dir, FOR_GOOD[code])
    log.info("bot.stopped", exit_code=int(code))
    return code


async def _come_first(settings: BotSettings, leadership: FileLeadership) -> bool:
    """Take back that nobody is to lead, first of all; answers whether this process does."""
    leads = await leadership.lead_if_free_soon()
    # Not before the lock is ours, if it is free: a spare would lead.
    stood_down.clear(settings.state_dir, left_before_s=time.time() - process_age_s())
    if leads and settings.standby and stood_down.is_left(settings.state_dir):
        leadership.release()  # the last leader ended for good since this start was ordered
        return False
    return leads


class Lifecycle:
    """One process's run, from the first beat to the last."""

    _services: services.Services  # while it leads

    def __init__(
        self,
        settings: BotSettings,
        prepared: launch.Prepared,
        stop: Stop,
        leadership: FileLeadership,
        *,
        gives_way: bool,
    ) -> None:
        from bot.gateway.connection import GatewayConnection

        self._settings, self._client, self._stop = settings, prepared.client, stop
        self._stages, self._leadership = prepared.stages, leadership
        self._gives_way = gives_way
        self._tasks, self._pulse, self._step_down = TaskManager(), LoopPulse(), asyncio.Event()
        self._recall = prepared.recall
        self._recall.look()
        self._connection = GatewayConnection(
            prepared.client,
            token=settings.discord_token.get_secret_value().strip(),
            settings=settings,
            tasks=self._tasks,
            recall=prepared.recall,
            reached=self._stages.reached,
        )
        self._vitals = Vitals(prepared.client, self._connection, self._tasks)
        leads = leadership.is_held
        self._writer = self._vitals.writer(settings, self._pulse, self._stages, leads=leads)

    async def live(self) -> ExitCode:
        """Beat, and serve as soon as this process leads; answers the exit code."""
        limit_s = self._settings.shutdown_timeout_s * CANCEL_SHARE
        vitals = self._vitals
        async with self._tasks, self._pulse:
            self._writer.start()
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, self._step_down.set)
            try:
                if not self._leadership.is_held and not await self._come_to_lead():
                    return self._stop.code or ExitCode.FAILED
                return await self._serve_or_explain()
            except TemporaryError as error:
                return self._postpone(error)
            except BaseException as error:
                vitals.failure = schema.Failure(kind="crash", message=type(error).__name__)
                raise
            finally:
                vitals.phase = "stopping"
                await self._tasks.shutdown(limit_s)
                self._writer.write_final("failed" if vitals.failure else "stopping", vitals.failure)

    async def _come_to_lead(self) -> bool:
        """Wait for the lead; answers False when the process is asked to end before."""
        settings, vitals = self._settings, self._vitals
        async with self._tasks.managed_task_context() as scope:
            asked = scope.create_task(self._stop.wait(), name="stop-request")
            if settings.standby:
                vitals.standby, vitals.phase = self._standby(), None
                coming = vitals.standby.until_leading()
            else:
                coming = self._leadership.acquire(LEADERSHIP_TIMEOUT_S)
            waiting = scope.create_task(coming, name="leadership")
            await asyncio.wait({asked, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.code is not None:
                return False
            waiting.result()
        self._begin_to_lead()
        return True

    def _standby(self) -> Standby:
        return Standby(
            self._settings,
            self._leadership,
            self._connection,
            self._recall,
            self._tasks,
            gives_way=self._gives_way,
            on_warm=self._writer.hurry,
        )

    def _postpone(self, error: TemporaryError) -> ExitCode:
        """Leave on disk when the next process may try."""
        log.warning("bot.postponed", kind=error.kind, retry_at_s=error.retry_at_s)
        if self._leadership.is_held:
            launch.leave_retry(self._settings.state_dir, error)
        return ExitCode.TEMPORARY

    async def _serve_or_explain(self) -> ExitCode:
        try:
            async with services.running(
                self._settings,
                self._client,
                self._connection,
                self._tasks,
                self._pulse,
                request_stop=self._stop.request,
                last_beat=lambda: self._writer.last,
            ) as given:
                self._vitals.services = self._services = given
                return await self._serve()
        except PermanentError as error:
            self._vitals.failure = schema.Failure(
                kind=error.kind, message=error.advice, permanent=True
            )
            log.error("bot.failed", kind=error.kind, advice=error.advice)
            return ExitCode.CONFIGURATION

    async def _serve(self) -> ExitCode:
        total_s = self._settings.shutdown_timeout_s
        try:
            while True:
                code = await self._serve_once()
                if self._settings.standby and code in HANDED_OVER:
                    self._hand_over()
                if code is not None:
                    return code
                if not await self._come_back():
                    return self._stop.code or ExitCode.RESTART
        finally:
            self._vitals.phase = "stopping"
            await handlers.cancel(total_s * CANCEL_SHARE / 2)
            await self._within("work", self._services.end_work(), total_s * CLOSE_SHARE)
            await self._within("client", self._connection.close(), total_s * CLOSE_SHARE)

    async def _serve_once(self) -> ExitCode | None:
        """Serve until somebody asks for the end, or, with None, that another one may try."""
        async with self._tasks.managed_task_context() as scope:
            asked = scope.create_task(self._stop.wait(), name="stop-request")
            stepping_down = scope.create_task(self._step_down.wait(), name="step-down-request")
            served = scope.create_task(self._connect(), name="gateway")
            refused = self._services.refused
            try:
                ends: set[asyncio.Future[Any]] = {asked, stepping_down, served, refused}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if refused.done():
                    raise refused.result()
                if self._stop.code is not None or self._step_down.is_set():
                    return self._stop.code
                served.result()
                log.error("client.closed_itself")  # only the shutdown command ends with 0
                return ExitCode.FAILED
            finally:
                self._vitals.phase = "stopping"
                self._services.pause()
                await self._suspend()

    def _hand_over(self) -> None:
        """Let the spare lead now, while this process still cleans up."""
        if stood_down.is_left(self._settings.state_dir):
            return  # it would not
        self._writer.redirect(beat_path(self._settings.state_dir, leads=False), role="spare")
        self._leadership.release()

    async def _come_back(self) -> bool:
        """Be there in case the next leader fails; answers whether this process leads again."""
        self._vitals.phase = "ready"
        async with self._tasks.managed_task_context() as scope:
            asked = scope.create_task(self._stop.wait(), name="stop-request")
            # A lock that was just released goes to whoever asks first: let that be the spare.
            await asyncio.wait({asked}, timeout=YIELD_S)
            leading = scope.create_task(self._leadership.wait(), name="leadership")
            await asyncio.wait(
                {asked, leading}, timeout=FALLBACK_S, return_when=asyncio.FIRST_COMPLETED
            )
            if not self._leadership.is_held or self._stop.code is not None:
                return False
        log.warning("deploy.went_back")
        self._recall = launch.recall(self._client, self._settings)
        self._begin_to_lead()
        self._connection.continue_with(self._recall)
        return True

    def _begin_to_lead(self) -> None:
        self._step_down.clear()
        self._stages.restart("lead")
        self._recall.look()
        self._vitals.standby, self._vitals.phase = None, "starting"
        self._writer.redirect(beat_path(self._settings.state_dir, leads=True), role="leader")
        with contextlib.suppress(OSError):  # a beat of ours that nobody should believe any more
            beat_path(self._settings.state_dir, leads=False).unlink(missing_ok=True)

    async def _connect(self) -> None:
        connection = self._connection
        self._vitals.phase = None
        await connection.login()
        self._writer.hurry()  # an event that holds the interpreter is to be found behind a beat
        self._tasks.create_task(self._note_ready(), name="ready-stage")
        await connection.run()

    async def _note_ready(self) -> None:
        await self._connection.ready.wait()
        self._stages.reached("ready")
        self._writer.hurry()
        log.info("bot.ready", stages_s=dict(self._stages.snapshot()))

    async def _suspend(self) -> None:
        """Stop intake, let handlers that are at work end, then let go of the session."""
        connection, total_s = self._connection, self._settings.shutdown_timeout_s
        await self._within("gateway", connection.stop_intake(), total_s * CLOSE_SHARE)
        await self._within("handlers", handlers.idle(), total_s * DRAIN_SHARE)
        ends_session = self._stop.code is ExitCode.STOPPED or (
            self._stop.code is ExitCode.INTERRUPTED and self._settings.stop_ends_session
        )
        suspending = connection.suspend(ends_session=ends_session)
        await self._within("session", suspending, total_s * CLOSE_SHARE)

    async def _within(
        self, part: str, ending: Coroutine[object, object, None], limit_s: float
    ) -> None:
        try:
            await with_timeout(ending, limit_s)
        except TimeoutError:
            log.warning("stop.timed_out", part=part, timeout_s=limit_s)
