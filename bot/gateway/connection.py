"""The gateway connection of one client: login, one loop per shard, and the end of both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import discord
import structlog

from bot.effects.nonces import Nonces
from bot.gateway import close_codes, endpoint, facts
from bot.gateway.announcement import Announcement
from bot.gateway.arrivals import Arrivals
from bot.gateway.delivery import Delivery
from bot.gateway.identify_gate import IDENTIFY_INTERVAL_S, IdentifyGate
from bot.gateway.identify_ledger import IdentifyLedger
from bot.gateway.login import Login
from bot.gateway.losses import Losses
from bot.gateway.pace import Pace
from bot.gateway.quarantine import Quarantine
from bot.gateway.rest import RestGuard
from bot.gateway.session import Journal, Marks, NoJournal, Session
from bot.gateway.shard import ShardLoop
from bot.gateway.sharding import ShardPlan
from bot.gateway.statefile import StateFile
from bot.gateway.transitions import Phase
from bot.gateway.waits import Waits
from bot.gateway.wire import Wire
from bot.tasks import ending
from watchdog.heartbeat import schema

if TYPE_CHECKING:
    from bot.gateway.recall import Recall
    from bot.settings import BotSettings
    from bot.tasks.manager import TaskManager

log = structlog.get_logger(__name__)


class GatewayConnection:
    """Attaches to any `discord.Client`, in place of its `start` and `connect`.

    Call `login`, then `run`, then `close`; nothing else of the client is taken over. A spare calls
    `warm_up` long before.

    Attributes:
        ready: Set while every shard serves and the client's cache is complete.
        late_interactions: Answers how many answers Discord refused; whoever counts them sets it.
    """

    def __init__(
        self,
        client: discord.Client,
        *,
        token: str,
        settings: BotSettings,
        tasks: TaskManager,
        recall: Recall | None = None,
        journal: Journal | None = None,
        sessions: Mapping[int, Session] | None = None,
        reached: Callable[[str], None] = lambda _stage: None,
        pace: Pace | None = None,
        identify_interval_s: float = IDENTIFY_INTERVAL_S,
    ) -> None:
        """Nothing is started.

        Args:
            recall: Continues what an earlier process left, in place of *journal* and *sessions*.
            reached: Told each stage of the way to the first event.
        """
        self.late_interactions: Callable[[], int] = lambda: 0
        self._client, self._settings, self._tasks = client, settings, tasks
        self._recall, self._reached = recall, reached
        self._journal = recall.journal if recall is not None else journal or NoJournal()
        self._sessions, self._marks = dict(sessions or {}), dict[int, Marks]()
        self._delivery = Delivery(self._journal, ack_after_s=settings.event_ack_after_s)
        self._losses = Losses(client, tasks, limit=settings.catch_up_max_messages)
        self._announcement = Announcement(client, tasks, on_ready=self._losses.make_good)
        self.ready = self._announcement.ready
        self._pace = pace = pace or Pace()
        self._retry_file = StateFile(settings.state_dir / "retry.json")
        self._quarantine = Quarantine(settings.log_dir / "quarantine.jsonl")
        self._nonces = Nonces()
        self._guard = RestGuard(client.http, sleep=pace.sleep, next_nonce=self._nonces.next_nonce)
        self._ledger = IdentifyLedger.of(settings, pace)
        self._gate = IdentifyGate(
            client.http, self._ledger, pace=pace, interval_s=identify_interval_s
        )
        self._waits = self._make_waits("login")
        self._login = Login(client, token, self._waits, pace=pace)
        self._entered = contextlib.AsyncExitStack()
        self._shards: tuple[ShardLoop, ...] = ()
        self._running: tuple[asyncio.Task[None], ...] = ()
        self._handlers, self._stopped = asyncio.Event(), False
        self._logging_in: asyncio.Task[None] | None = None

    # -------------------------------------------------------------- lifespan

    async def warm_up(self) -> None:
        """Log in once, whoever asks, and no more: a spare does it long before it leads.

        Raises:
            PermanentError: Discord refuses the token.
        """
        if self._logging_in is None:
            self._logging_in = self._tasks.create_task(self._log_in(), name="login")
        await asyncio.shield(self._logging_in)

    async def _log_in(self) -> None:
        endpoint.use(self._settings.discord_api_url)
        self._guard.attach()
        # As `Client.run` does, which may have been overridden: it prepares for this loop.
        await self._entered.enter_async_context(self._client)
        await self._login.run()

    async def login(self) -> None:
        """Log in: the first step. Waits out what passes by itself, alive.

        Raises:
            PermanentError: Discord refuses the token.
        """
        async with self._tasks.managed_task_context() as scope:
            loading = scope.create_task(self._load(), name="journal-load")
            await self.warm_up()
            await loading
        self._reached("login")

    async def _load(self) -> None:
        if self._recall is not None:
            await self._recall.load()

    async def run(self) -> None:
        """Connect and serve: the second step. Returns once the client is closed.

        A session is resumed while the client's `setup_hook` runs; a new one is begun after it, and
        no event is handed over before its end.

        Raises:
            PermanentError: Discord refuses the bot as it is.
            Exception: whatever the client's own `setup_hook` raises.
        """
        if self._is_over():
            return
        known = self._recall.shard_count if self._recall is not None else None
        plan = await ShardPlan.of(self._client, self._gate, self._waits, self._pace, known=known)
        if self._is_over():
            return
        await self._restore(plan)
        for observer in (self._delivery, self._nonces):
            self._tasks.add_observer(observer)
        arrivals = Arrivals(self._client)
        self._shards = tuple(self._make_shard(plan, shard_id, arrivals) for shard_id in plan.ids)
        async with self._tasks.managed_task_context() as scope:
            self._running = tuple(
                scope.create_task(shard.run(), name=f"gateway-shard-{shard.id}")
                for shard in self._shards
            )
            hook = scope.create_task(self._set_up(), name="setup-hook")
            await asyncio.wait({*self._running, hook}, return_when=asyncio.FIRST_COMPLETED)
            if hook.done():
                hook.result()
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in filter(asyncio.Task.done, self._running):
                if not task.cancelled():
                    task.result()

    async def _set_up(self) -> None:
        if not self._handlers.is_set():
            await self._client.setup_hook()
            self._handlers.set()
            self._reached("setup_hook")

    async def _restore(self, plan: ShardPlan) -> None:
        if self._recall is not None:
            saved = await self._recall.restore(plan.ids, self._client.shard_count)
            self._sessions = {shard_id: each.session for shard_id, each in saved.items()}
            self._marks = {shard_id: each.marks for shard_id, each in saved.items()}
            for shard_id, missing_s in self._recall.missing_s.items():
                self._losses.note(shard_id, missing_s)
            self._reached("restored")
        self._announcement.begin(restored=len(self._marks), shards=len(plan.ids))

    def _is_over(self) -> bool:
        return self._stopped or self._client.is_closed()

    async def stop_intake(self) -> None:
        """Take no more events; connections stay open, and REST calls go on working."""
        self._stopped = True
        self._announcement.stop()
        for shard in self._shards:
            shard.wire.suspects.stop()
        await ending.end_these((*self._running, *filter(None, (self._logging_in,))))

    async def suspend(self, *, ends_session: bool = False) -> None:
        """Close every connection and the journal; another process may go on from here.

        Args:
            ends_session: True closes with 1000, so that Discord shows the bot offline at once;
                False with 4000, so that the session can be resumed.
        """
        await self.stop_intake()
        self._delivery.close()
        self._tasks.remove_observer(self._delivery)
        code = 1000 if ends_session else close_codes.KEEPING
        shards, self._shards = self._shards, ()
        for shard in shards:
            await shard.hang_up(code)
            if ends_session:
                self._journal.on_session(shard.id, None)
        recall, self._recall = self._recall, None
        if recall is not None:
            await recall.close(clean=True)

    def continue_with(self, recall: Recall) -> None:
        """Be able to `login` and `run` once more, after `suspend`."""
        self._recall, self._journal, self._stopped = recall, recall.journal, False
        self._delivery = Delivery(self._journal, ack_after_s=self._settings.event_ack_after_s)
        self._ledger.reread()

    async def close(self, *, ends_session: bool = False) -> None:
        """Suspend, then close the client."""
        await self.suspend(ends_session=ends_session)
        try:
            await self._entered.aclose()
        finally:
            connector = self._client.http.connector
            if connector and not connector.closed:  # a login that failed has let go of it
                await connector.close()
            await self._quarantine.close()

    # ------------------------------------------------------------ inspection

    @property
    def is_logged_in(self) -> bool:
        """Whether Discord has accepted the token."""
        return self._login.phase is Phase.CONNECTING

    @property
    def state(self) -> schema.State:
        """The state for the heartbeat; from any thread."""
        return facts.state(
            [shard.phase for shard in self._shards],
            self._login.phase,
            stopped=self._stopped,
            waits=self._waits.reason is not None,
            ready=self.ready.is_set(),
        )

    @property
    def sessions(self) -> dict[int, Session]:
        """What each shard would resume now."""
        return {shard.id: shard.session for shard in self._shards if shard.session is not None}

    def snapshot(self) -> schema.Gateway:
        """Answer the gateway's part of the heartbeat; from any thread."""
        return facts.snapshot(
            self._shards,
            self._waits,
            now_s=self._pace.clock(),
            quarantined=self._quarantine.count,
            identify_remaining=self._gate.remaining,
            late_interactions=self.late_interactions(),
            journal=self._recall.facts() if self._recall is not None else schema.JournalFacts(),
        )

    # ---------------------------------------------------------------- making

    def _make_waits(self, subject: str) -> Waits:
        return Waits(self._client, self._retry_file, subject=subject, pace=self._pace)

    def _make_shard(self, plan: ShardPlan, shard_id: int, arrivals: Arrivals) -> ShardLoop:
        wire = Wire(
            shard_id=shard_id,
            client=self._client,
            tasks=self._tasks,
            quarantine=self._quarantine,
            journal=self._journal,
            delivery=self._delivery,
            arrivals=arrivals,
            pace=self._pace,
            marks=self._marks.get(shard_id),
            handlers=self._handlers,
            reached=self._reached,
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
            on_change=lambda: self._announcement.follow(self._shards),
            on_lost=lambda missing_s: self._losses.note(shard_id, missing_s),
        )
