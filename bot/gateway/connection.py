"""The gateway connection of one client: login, one loop per shard, and the end of both."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import discord
import structlog

from bot.gateway import close_codes, endpoint
from bot.gateway.arrivals import Arrivals
from bot.gateway.identify_budget import Limits
from bot.gateway.identify_gate import IDENTIFY_INTERVAL_S, IdentifyGate
from bot.gateway.identify_ledger import IdentifyLedger
from bot.gateway.login import Login
from bot.gateway.pace import Pace
from bot.gateway.quarantine import Quarantine
from bot.gateway.rest import RestGuard
from bot.gateway.session import Journal, NoJournal, Session
from bot.gateway.shard import ShardLoop
from bot.gateway.sharding import ShardPlan
from bot.gateway.statefile import StateFile
from bot.gateway.transitions import Phase
from bot.gateway.waits import Waits
from bot.gateway.wire import Wire
from watchdog.heartbeat import schema

if TYPE_CHECKING:
    from bot.settings import BotSettings
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)

MAX_SHARDS_SHOWN = 128  # of a beat's 64 KiB


class GatewayConnection:
    """Attaches to any `discord.Client`, in place of its `start` and `connect`.

    Call `login`, then `run`, then `close`; nothing else of the client is taken over.

    Attributes:
        ready: Set while every shard serves and the client's cache is complete.
    """

    def __init__(
        self,
        client: discord.Client,
        *,
        token: str,
        settings: BotSettings,
        tasks: TaskManager,
        journal: Journal | None = None,
        sessions: Mapping[int, Session] | None = None,
        pace: Pace | None = None,
        identify_interval_s: float = IDENTIFY_INTERVAL_S,
    ) -> None:
        self.ready = asyncio.Event()
        self._client, self._settings, self._tasks = client, settings, tasks
        self._journal, self._sessions = journal or NoJournal(), dict(sessions or {})
        self._pace = pace = pace or Pace()
        self._retry_file = StateFile(settings.state_dir / "retry.json")
        self._quarantine = Quarantine(settings.log_dir / "quarantine.jsonl")
        self._guard = RestGuard(client.http, sleep=pace.sleep)
        self._gate = IdentifyGate(
            client.http, _ledger(settings, pace), pace=pace, interval_s=identify_interval_s
        )
        self._waits = self._make_waits("login")
        self._login = Login(client, token, self._waits, pace=pace)
        self._entered = contextlib.AsyncExitStack()
        self._shards: tuple[ShardLoop, ...] = ()
        self._running: tuple[asyncio.Task[None], ...] = ()
        self._waiting_for_ready: asyncio.Task[None] | None = None
        self._stopped = False

    # -------------------------------------------------------------- lifespan

    async def login(self) -> None:
        """Log in: the first step. Waits out what passes by itself, alive.

        Raises:
            PermanentError: Discord refuses the token.
            Exception: whatever the client's own `setup_hook` raises.
        """
        endpoint.use(self._settings.discord_api_url)
        self._guard.attach()
        # As `Client.run` does, which may have been overridden: it sets the client up for this loop.
        await self._entered.enter_async_context(self._client)
        await self._login.run()

    async def run(self) -> None:
        """Connect and serve: the second step. Returns once the client is closed.

        Raises:
            PermanentError: Discord refuses the bot as it is.
        """
        if self._is_over():
            return
        plan = await ShardPlan.of(self._client, self._gate, self._waits, self._pace)
        if self._is_over():
            return
        arrivals = Arrivals(self._client)
        self._shards = tuple(self._make_shard(plan, shard_id, arrivals) for shard_id in plan.ids)
        async with self._tasks.managed_task_context() as scope:
            self._running = tuple(
                scope.create_task(shard.run(), name=f"gateway-shard-{shard.id}")
                for shard in self._shards
            )
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in self._running:
                if task.done() and not task.cancelled():
                    task.result()

    def _is_over(self) -> bool:
        return self._stopped or self._client.is_closed()

    async def stop_intake(self) -> None:
        """Take no more events; connections stay open, and REST calls go on working."""
        self._stopped = True
        self.ready.clear()
        running = [task for task in self._running if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def close(self, *, ends_session: bool) -> None:
        """Close every connection, then the client.

        Args:
            ends_session: True closes with 1000, so that Discord shows the bot offline at once;
                False with 4000, so that the session can be resumed.
        """
        await self.stop_intake()
        code = 1000 if ends_session else close_codes.KEEPING
        for shard in self._shards:
            await shard.hang_up(code)
        if self._waiting_for_ready is not None:
            self._waiting_for_ready.cancel()
        # `Client.close` would send 1000; on a connection that is closed already it sends nothing.
        try:
            await self._entered.aclose()
        finally:
            connector = self._client.http.connector
            if connector and not connector.closed:  # a login that failed has let go of it
                await connector.close()
            await self._quarantine.close()

    # ------------------------------------------------------------ inspection

    @property
    def state(self) -> schema.State:
        """The state for the heartbeat; from any thread."""
        phases = [shard.phase for shard in self._shards] or [self._login.phase]
        if Phase.FAILED in phases or self._login.phase is Phase.FAILED:
            return "failed"
        if self._stopped or Phase.STOPPED in phases:
            return "stopping"
        if Phase.BACKING_OFF in phases or Phase.HOLDING in phases or self._waits.reason:
            return "backing_off"
        if self.ready.is_set():
            return "ready"
        return "resuming" if Phase.RESUMING in phases else "connecting"

    @property
    def sessions(self) -> dict[int, Session]:
        """What each shard would resume now."""
        return {shard.id: shard.session for shard in self._shards if shard.session is not None}

    def snapshot(self) -> schema.Gateway:
        """Answer the gateway's part of the heartbeat; from any thread."""
        shards, now_s = self._shards, self._pace.clock()
        waits = [self._waits, *(shard.waits for shard in shards)]
        waiting = next((each for each in waits if each.reason is not None), None)
        latencies = [ms for ms in map(_latency_ms, shards) if ms is not None]
        events = [s.wire.last_event_s for s in shards if s.wire.last_event_s is not None]
        acks = [s.wire.last_ack_s for s in shards if s.wire.last_ack_s is not None]
        return schema.Gateway(
            connected=bool(shards) and all(shard.phase is Phase.READY for shard in shards),
            latency_ms=sum(latencies) / len(latencies) if latencies else None,
            last_event_age_s=max(0.0, now_s - min(events)) if events else None,
            last_ack_age_s=max(0.0, now_s - min(acks)) if acks else None,
            identifies=sum(shard.identifies for shard in shards),
            resumes=sum(shard.resumes for shard in shards),
            replayed_events=sum(shard.wire.replayed for shard in shards),
            quarantined_events=self._quarantine.count,
            identify_remaining=self._gate.remaining,
            retry_at_s=waiting.retry_at_s if waiting else None,
            reason=waiting.reason if waiting else None,
            shards=tuple(
                schema.Shard(
                    id=shard.id,
                    connected=shard.phase is Phase.READY,
                    latency_ms=_latency_ms(shard),
                )
                for shard in shards[:MAX_SHARDS_SHOWN]
            ),
        )

    # ---------------------------------------------------------------- making

    def _make_waits(self, subject: str) -> Waits:
        return Waits(self._client, self._retry_file, subject=subject, pace=self._pace)

    def _make_shard(self, plan: ShardPlan, shard_id: int, arrivals: Arrivals) -> ShardLoop:
        wire = Wire(
            shard_id=shard_id,
            tasks=self._tasks,
            quarantine=self._quarantine,
            journal=self._journal,
            arrivals=arrivals,
            pace=self._pace,
        )
        return ShardLoop(
            self._client,
            wire,
            self._gate,
            self._make_waits("gateway"),
            shard_id=plan.sent_id(shard_id),
            ready_timeout_s=self._settings.gateway_ready_timeout_s,
            session=self._sessions.get(shard_id),
            on_open=plan.show,
            on_change=self._follow,
        )

    def _follow(self) -> None:
        """Keep `ready` true to the shards; called whenever one of them changed its phase."""
        serving = all(shard.phase is Phase.READY for shard in self._shards)
        if not serving or self._stopped:
            self.ready.clear()
        elif self._waiting_for_ready is None or self._waiting_for_ready.done():
            self._waiting_for_ready = self._tasks.create_task(
                self._await_ready(), name="gateway-ready"
            )

    async def _await_ready(self) -> None:
        await self._client.wait_until_ready()
        if all(shard.phase is Phase.READY for shard in self._shards) and not self._stopped:
            self.ready.set()


def _ledger(settings: BotSettings, pace: Pace) -> IdentifyLedger:
    limits = Limits(max_10_min=settings.identify_max_10_min, max_24_h=settings.identify_max_24_h)
    path = settings.state_dir / "identify.json"
    return IdentifyLedger(path, limits, wall_clock=pace.wall_clock)


def _latency_ms(shard: ShardLoop) -> float | None:
    socket = shard.ws
    if socket is None or shard.phase is not Phase.READY or not math.isfinite(socket.latency):
        return None
    return socket.latency * 1000
