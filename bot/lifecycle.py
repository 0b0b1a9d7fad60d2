"""Start and stop of the bot process: one AsyncExitStack, one stop request, one exit code."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING

import structlog

from bot import VERSION, handlers, launch
from bot.errors import ExitCode, PermanentError, TemporaryError
from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.sources import Sources
from bot.heartbeat.writer import HeartbeatWriter
from bot.leadership import FileLeadership
from bot.services import Services
from bot.stop import Stop, StopSignals
from bot.tasks.manager import TaskManager
from bot.tasks.timeouts import with_timeout
from watchdog.heartbeat import file, retry, schema

if TYPE_CHECKING:
    import discord

    from bot.gateway.connection import GatewayConnection
    from bot.settings import BotSettings

log = structlog.get_logger(__name__)

LEADERSHIP_TIMEOUT_S = 30.0
# Shares of SHUTDOWN_TIMEOUT_S: handlers at work end by themselves, then the rest is closed.
DRAIN_SHARE, CLOSE_SHARE, CANCEL_SHARE = 0.4, 0.2, 0.2
MEMBERS_EVERY_BEATS = 10  # counting the members of thousands of guilds is no work for each beat


async def run(settings: BotSettings, signals: StopSignals) -> ExitCode:
    """Serve until somebody asks for the end; answers the exit code."""
    prepared = launch.prepare(settings)
    if isinstance(prepared, ExitCode):
        return prepared
    stop = Stop(asyncio.get_running_loop())
    signals.subscribe(stop.request)
    with FileLeadership(settings.state_dir / "leader.lock") as leadership:
        lifecycle = Lifecycle(settings, prepared, stop)
        try:
            await leadership.acquire(LEADERSHIP_TIMEOUT_S)
            code = await lifecycle.lead()
        except TemporaryError as error:
            code = lifecycle.postpone(error)
    log.info("bot.stopped", exit_code=int(code))
    return code


class Lifecycle:
    """One leader's run, from the first beat to the last."""

    def __init__(self, settings: BotSettings, prepared: launch.Prepared, stop: Stop) -> None:
        self._settings, self._client, self._stop = settings, prepared.client, stop
        self._stages = prepared.stages
        self._tasks, self._pulse = TaskManager(), LoopPulse()
        self._presence = _Presence(prepared.client)
        self._phase: schema.State | None = "starting"
        self._failure: schema.Failure | None = None
        self._services: Services | None = None

    async def lead(self) -> ExitCode:
        """Beat and serve; answers the exit code."""
        limit_s = self._settings.shutdown_timeout_s * CANCEL_SHARE
        async with self._tasks, self._pulse:
            writer = self._writer()
            writer.start()
            try:
                return await self._serve_or_explain(writer)
            except BaseException as error:
                self._failure = schema.Failure(kind="crash", message=type(error).__name__)
                raise
            finally:
                self._phase = "stopping"
                await self._tasks.shutdown(limit_s)
                writer.write_final("failed" if self._failure else "stopping", self._failure)

    def postpone(self, error: TemporaryError) -> ExitCode:
        """Leave on disk when the next process may try."""
        log.warning("bot.postponed", kind=error.kind, retry_at_s=error.retry_at_s)
        entry = retry.Retry(retry_at_s=error.retry_at_s, reason=error.kind)
        with contextlib.suppress(OSError):  # without it the watchdog takes its own delay
            file.write(self._settings.state_dir / "retry.json", retry.encode(entry))
        return ExitCode.TEMPORARY

    async def _serve_or_explain(self, writer: HeartbeatWriter) -> ExitCode:
        try:
            async with self._running_services(writer) as services:
                return await self._serve(services)
        except PermanentError as error:
            self._failure = schema.Failure(kind=error.kind, message=error.advice, permanent=True)
            log.error("bot.failed", kind=error.kind, advice=error.advice)
            return ExitCode.CONFIGURATION

    @contextlib.asynccontextmanager
    async def _running_services(self, writer: HeartbeatWriter) -> AsyncIterator[Services]:
        from bot.commands import safety
        from bot.commands.stats import CommandStats
        from bot.outbound.client import OutboundClient
        from bot.tasks.bridge import Bridge
        from bot.tasks.guard import SlowCallbackWatch
        from bot.tasks.jobs import JobQueue

        settings, tasks = self._settings, self._tasks
        jobs = JobQueue(tasks=tasks, workers=settings.job_workers, size=settings.job_queue_size)
        watch = SlowCallbackWatch(
            age_s=self._pulse.age_s,
            thread_id=threading.get_ident(),
            limit_s=settings.slow_callback_ms / 1000,
            pulse_interval_s=self._pulse.interval_s,
        )
        services = Services(
            settings=settings,
            tasks=tasks,
            jobs=jobs,
            bridge=Bridge(tasks=tasks),
            outbound=OutboundClient(),
            commands=CommandStats(),
            request_stop=self._stop.request,
            last_beat=lambda: writer.last,
        )
        self._services = services
        # Before any task starts that may answer a user: answers find their way by the context.
        safety.attach(self._client, services)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(watch)
            for service in (services.jobs, services.bridge, services.outbound):
                await stack.enter_async_context(service)
            yield services

    async def _serve(self, services: Services) -> ExitCode:
        from bot.gateway.connection import GatewayConnection

        connection = services.connection = GatewayConnection(
            self._client,
            token=self._settings.discord_token.get_secret_value().strip(),
            settings=self._settings,
            tasks=self._tasks,
        )
        asked = self._tasks.create_task(self._stop.wait(), name="stop-request")
        served = self._tasks.create_task(self._connect(connection), name="gateway")
        try:
            await asyncio.wait({asked, served}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.code is not None:
                return self._stop.code
            served.result()
            # Nobody asked for it: the client closed itself. Only the shutdown command ends with 0.
            log.error("client.closed_itself")
            return ExitCode.FAILED
        finally:
            self._phase = "stopping"
            await self._close(connection, served)

    async def _connect(self, connection: GatewayConnection) -> None:
        self._phase = None
        await connection.login()
        self._stages.reached("login")
        self._tasks.create_task(self._note_ready(connection), name="ready-stage")
        await connection.run()

    async def _note_ready(self, connection: GatewayConnection) -> None:
        await connection.ready.wait()
        self._stages.reached("ready")
        log.info("bot.ready", stages_s=dict(self._stages.snapshot()))

    async def _close(self, connection: GatewayConnection, served: asyncio.Task[None]) -> None:
        """Stop intake, let handlers that are at work end, then close the client."""
        total_s = self._settings.shutdown_timeout_s
        await self._within("gateway", connection.stop_intake(), total_s * CLOSE_SHARE)
        await self._within("handlers", handlers.idle(), total_s * DRAIN_SHARE)
        ends_session = self._stop.code is ExitCode.STOPPED
        closing = connection.close(ends_session=ends_session)
        await self._within("client", closing, total_s * CLOSE_SHARE)
        served.cancel()

    async def _within(
        self, part: str, ending: Coroutine[object, object, None], limit_s: float
    ) -> None:
        try:
            await with_timeout(ending, limit_s)
        except TimeoutError:
            log.warning("stop.timed_out", part=part, timeout_s=limit_s)

    def _state(self) -> schema.State:
        services = self._services
        if self._phase is not None or services is None or services.connection is None:
            return self._phase or "starting"
        return services.connection.state

    def _writer(self) -> HeartbeatWriter:
        def gateway() -> schema.Gateway:
            services = self._services
            if services is None or services.connection is None:
                return schema.Gateway()
            return services.connection.snapshot()

        sources = Sources(
            state=self._state,
            gateway=gateway,
            tasks=self._tasks.snapshot,
            jobs=lambda: self._services.jobs.snapshot() if self._services else schema.Jobs(),
            commands=lambda: (
                self._services.commands.snapshot() if self._services else schema.Commands()
            ),
            bot=self._presence.snapshot,
            stages=self._stages.snapshot,
            failure=lambda: self._failure,
        )
        return HeartbeatWriter(
            self._settings.state_dir / "heartbeat.json",
            interval_s=self._settings.heartbeat_interval_s,
            sources=sources,
            pulse=self._pulse,
            slow_s=self._settings.slow_callback_ms / 1000,
        )


class _Presence:
    """Who serves and how much of Discord it sees, for the heartbeat's thread."""

    def __init__(self, client: discord.Client) -> None:
        self._client, self._beats, self._members = client, 0, 0

    def snapshot(self) -> schema.Bot:
        guilds = self._client.guilds
        if self._beats % MEMBERS_EVERY_BEATS == 0 or not self._members:
            self._members = sum(guild.member_count or 0 for guild in guilds)
        self._beats += 1
        return schema.Bot(version=VERSION, guilds=len(guilds), members=self._members)
