"""What the runtime offers to the client and its plugins, as `client.services`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import ExitCode

if TYPE_CHECKING:
    import discord

    from bot.commands.stats import CommandStats
    from bot.effects.once import Effects
    from bot.gateway.connection import GatewayConnection
    from bot.heartbeat.pulse import LoopPulse
    from bot.outbound.client import OutboundClient
    from bot.settings import BotSettings
    from bot.tasks.bridge import Bridge
    from bot.tasks.guard import SlowCallbackWatch
    from bot.tasks.jobs import JobQueue
    from bot.tasks.manager import TaskManager
    from watchdog.heartbeat.schema import Heartbeat


_current: ContextVar[Services] = ContextVar("current_services")


@dataclass(slots=True, kw_only=True)
class Services:
    """One of each; made by `running`, ended by it in reverse order.

    Attributes:
        effects: What a handler that runs again has begun already (docs/zero-loss.md).
        request_stop: Ask the process to end with an exit code and a short reason; answers at once.
        last_beat: The newest heartbeat, None before the first one.
    """

    settings: BotSettings
    tasks: TaskManager
    jobs: JobQueue
    bridge: Bridge
    effects: Effects
    commands: CommandStats
    request_stop: Callable[[ExitCode, str], None]
    last_beat: Callable[[], Heartbeat | None]
    connection: GatewayConnection | None = field(default=None)
    _outbound: OutboundClient | None = field(default=None, init=False)

    @property
    def outbound(self) -> OutboundClient:
        """Calls to other services; imported when somebody first asks for it, not at the start."""
        if self._outbound is None:
            from bot.outbound.addresses import networks
            from bot.outbound.client import OutboundClient

            reachable = networks(self.settings.outbound_networks)
            self._outbound = OutboundClient(reachable=reachable)
        return self._outbound

    async def close(self) -> None:
        """End what was made on demand."""
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
    last_beat: Callable[[], Heartbeat | None],
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
