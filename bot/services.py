"""What the runtime offers to the client and its plugins, as `client.services`."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import ExitCode, PermanentError
from watchdog.heartbeat import schema

if TYPE_CHECKING:
    import discord

    from bot.background.background import BackgroundJobs
    from bot.commands.stats import CommandStats
    from bot.effects.once import Effects
    from bot.gateway.connection import GatewayConnection
    from bot.guilds.store import GuildSettingsStore
    from bot.heartbeat.pulse import LoopPulse
    from bot.moderation.cases import Cases
    from bot.outbound.client import OutboundClient
    from bot.settings import BotSettings
    from bot.storage.nightly import NightlyBackups
    from bot.storage.storage import Storage
    from bot.tasks.bridge import Bridge
    from bot.tasks.guard import SlowCallbackWatch
    from bot.tasks.jobs import JobQueue
    from bot.tasks.manager import TaskManager
    from bot.timers.timers import Timers


_current: ContextVar[Services] = ContextVar("current_services")


@dataclass(slots=True, kw_only=True)
class Services:
    """One of each; made by `running`, ended by it in reverse order.

    What a plugin may do without is made when somebody first asks for it.

    Attributes:
        client: Whom they serve.
        effects: What a handler that runs again has begun already (docs/zero-loss.md).
        request_stop: Ask the process to end with an exit code and a short reason; answers at once.
        last_beat: The newest heartbeat, None before the first one.
        refused: Set to what makes it pointless to go on: the process ends with its advice.
    """

    settings: BotSettings
    tasks: TaskManager
    jobs: JobQueue
    bridge: Bridge
    effects: Effects
    commands: CommandStats
    request_stop: Callable[[ExitCode, str], None]
    last_beat: Callable[[], schema.Heartbeat | None]
    connection: GatewayConnection | None = field(default=None)
    client: discord.Client | None = field(default=None)
    refused: asyncio.Future[PermanentError] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    _outbound: OutboundClient | None = field(default=None, init=False)
    _storage: Storage | None = field(default=None, init=False)
    _guilds: GuildSettingsStore | None = field(default=None, init=False)
    _cases: Cases | None = field(default=None, init=False)
    _timers: Timers | None = field(default=None, init=False)
    _background: BackgroundJobs | None = field(default=None, init=False)
    _backups: NightlyBackups | None = field(default=None, init=False)

    @property
    def outbound(self) -> OutboundClient:
        """Calls to other services; imported when somebody first asks for it, not at the start."""
        if self._outbound is None:
            from bot.outbound.addresses import networks
            from bot.outbound.client import OutboundClient

            reachable = networks(self.settings.outbound_networks)
            self._outbound = OutboundClient(reachable=reachable)
        return self._outbound

    @property
    def storage(self) -> Storage:
        """The installation's database (docs/storage.md)."""
        if self._storage is None:
            from bot.storage.storage import Storage

            self._storage = Storage(self.settings, tasks=self.tasks, on_refused=self.refuse)
        return self._storage

    @property
    def guilds(self) -> GuildSettingsStore:
        """What each guild has set."""
        if self._guilds is None:
            from bot.guilds.store import GuildSettingsStore

            self._guilds = GuildSettingsStore(self)
        return self._guilds

    @property
    def cases(self) -> Cases:
        """Acts of moderation and their records."""
        if self._cases is None:
            from bot.moderation.cases import Cases

            self._cases = Cases(self)
        return self._cases

    @property
    def timers(self) -> Timers:
        """What must happen at a time, whatever dies meanwhile."""
        if self._timers is None:
            from bot.timers.timers import Timers

            self._timers = Timers(self)
        return self._timers

    @property
    def background(self) -> BackgroundJobs:
        """Long work that is kept in the database, with its progress shown."""
        if self._background is None:
            from bot.background.background import BackgroundJobs

            self._background = BackgroundJobs(self)
        return self._background

    def database(self) -> schema.Storage:
        """What the heartbeat says of the database; from any thread, and nothing is made for it."""
        if self._storage is None:
            return schema.Storage()
        from bot.storage.condition import facts

        return facts(
            self._storage.health,
            kind=self._storage.dialect,
            now_s=time.monotonic(),
            backup_problem=self._backups.problem if self._backups is not None else None,
        )

    def refuse(self, error: PermanentError) -> None:
        """End the process, which no restart will mend, with the advice of *error*."""
        if not self.refused.done():
            self.refused.set_result(error)

    def begin(self) -> None:
        """The bot is ready: begin what the start had no time for, if anybody asked for it."""
        # In a context of its own: it outlives the event in which the bot became ready.
        contextvars.Context().run(self._begin)

    def _begin(self) -> None:
        if self._guilds is not None:
            self._guilds.forget()
        if self._storage is not None:
            from bot.storage.nightly import NightlyBackups

            self._storage.start()
            self._backups = self._backups or NightlyBackups(self)
            self._backups.begin()
        if self._timers is not None:
            self._timers.begin()
        if self._background is not None:
            self._background.begin()
        if self._cases is not None:
            self._cases.begin()

    async def end_work(self) -> None:
        """End what works in the background, while Discord and the database can still be told."""
        for part in (self._backups, self._cases, self._background, self._timers):
            if part is not None:
                await part.close()

    def pause(self) -> None:
        """Begin nothing more: another process is about to lead. `begin` goes on."""
        for part in (self._backups, self._background, self._timers):
            if part is not None:
                part.pause()

    async def close(self) -> None:
        """End what was made on demand, those that use others first."""
        await self.end_work()
        if self._storage is not None:
            await self._storage.close()
        if self._outbound is not None:
            await self._outbound.__aexit__()


@contextlib.asynccontextmanager
async def running(
    settings: BotSettings,
    client: discord.Client,
    connection: GatewayConnection,
    tasks: TaskManager,
    pulse: LoopPulse,
    *,
    request_stop: Callable[[ExitCode, str], None],
    last_beat: Callable[[], schema.Heartbeat | None],
) -> AsyncIterator[Services]:
    """Yield the services of a leader, started; a spare has none."""
    from bot.commands import safety
    from bot.commands.stats import CommandStats
    from bot.effects.once import Effects
    from bot.storage.claims import claims_of
    from bot.tasks.bridge import Bridge
    from bot.tasks.jobs import JobQueue

    services = Services(
        settings=settings,
        tasks=tasks,
        jobs=JobQueue(tasks=tasks, workers=settings.job_workers, size=settings.job_queue_size),
        bridge=Bridge(tasks=tasks),
        effects=Effects(claims_of(settings)),
        commands=CommandStats(),
        request_stop=request_stop,
        last_beat=last_beat,
        connection=connection,
        client=client,
    )
    # Before any task starts that may answer a user: answers find their way by the context.
    guard = safety.attach(client, services)
    connection.late_interactions = lambda: guard.late
    _current.set(services)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_slow_callback_watch(settings, pulse))
        for service in (services.jobs, services.bridge, services.effects):
            await stack.enter_async_context(service)
        stack.push_async_callback(services.close)
        yield services


def current() -> Services:
    """Answer the services of this process: for handlers of a bot that knows no `client.services`.

    Raises:
        LookupError: called outside of handlers and what they started.
    """
    return _current.get()


def _slow_callback_watch(settings: BotSettings, pulse: LoopPulse) -> SlowCallbackWatch:
    from bot.tasks.guard import SlowCallbackWatch

    return SlowCallbackWatch(
        age_s=pulse.age_s,
        thread_id=threading.get_ident(),
        limit_s=settings.slow_callback_ms / 1000,
        pulse_interval_s=pulse.interval_s,
    )
