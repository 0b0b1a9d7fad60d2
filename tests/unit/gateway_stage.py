"""A gateway without a network, in a time that only moves when told to."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, cast

import aiohttp
import discord
import orjson

from bot.gateway import identify_budget
from bot.gateway.arrivals import Arrivals
from bot.gateway.delivery import Delivery
from bot.gateway.identify_budget import Limits
from bot.gateway.identify_gate import IdentifyGate
from bot.gateway.pace import Pace
from bot.gateway.quarantine import Quarantine, Quarantined
from bot.gateway.session import Dispatch, NoJournal, Session
from bot.gateway.shard import ShardLoop
from bot.gateway.waits import Waits
from bot.gateway.wire import Wire
from bot.tasks.manager import TaskManager

GENERAL = "wss://general.discord.gg/"
OWN = "wss://own.discord.gg/"
INTERVAL_S = 40.0
READY_TIMEOUT_S = 20.0


class VirtualTime:
    """Monotonic and Unix time; sleepers wake when `run` has come to their time."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def clock(self) -> float:
        """Answer monotonic seconds."""
        return self.now_s

    def wall_clock(self) -> float:
        """Answer Unix seconds."""
        return self.now_s + 1_700_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self.timer(seconds)

    def timer(self, seconds: float) -> asyncio.Future[None]:
        """Answer a future that is done in *seconds*."""
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now_s + seconds, next(self._numbers), future))
        return future

    async def run(self, seconds: float) -> None:
        """Let *seconds* go by, sleeper by sleeper."""
        until_s = self.now_s + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            at_s, _, future = heapq.heappop(self._sleepers)
            self.now_s = max(self.now_s, at_s)
            if not future.done():
                future.set_result(None)
                await self._settle()
        self.now_s = until_s

    async def _settle(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0)


class FakeSocket:
    """As much of aiohttp's WebSocket as discord.py uses."""

    def __init__(self, gateway: FakeGateway, url: str) -> None:
        self.url, self.opened_at_s = url, gateway.time.now_s
        self.closed, self.close_code = False, cast("int | None", None)
        self.closed_with: int | None = None
        self.sent: list[dict[str, Any]] = []
        self.sequence = 0
        self._gateway = gateway
        self._inbox: deque[aiohttp.WSMessage] = deque()
        self._reader: asyncio.Future[None] | None = None

    # What the gateway does.

    def hello(self, interval_s: float = INTERVAL_S) -> None:
        """Send op 10."""
        self.op(10, {"heartbeat_interval": interval_s * 1000})

    def op(self, op: int, data: object = None) -> None:
        """Send a payload that is no event."""
        self.text(orjson.dumps({"op": op, "d": data, "s": None, "t": None}).decode())

    def event(self, name: str, data: object, sequence: int | None = None) -> None:
        """Send an event, with the next sequence number if none is given."""
        self.sequence = self.sequence + 1 if sequence is None else sequence
        payload = {"op": 0, "d": data, "s": self.sequence, "t": name}
        self.text(orjson.dumps(payload).decode())

    def ready(self, session: str = "one", guilds: Sequence[int] = (), url: str = OWN) -> None:
        """Send READY."""
        user = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None}
        data = {"user": user, "session_id": session, "resume_gateway_url": url}
        named = [{"id": str(guild), "unavailable": True} for guild in guilds]
        self.event("READY", data | {"guilds": named, "shard": [0, 1]})

    def text(self, text: str) -> None:
        """Send anything."""
        self._put(aiohttp.WSMsgType.TEXT, text)

    def hang_up(self, code: int | None) -> None:
        """Close, or drop without a close frame."""
        self.close_code = 1006 if code is None else code
        self._put(aiohttp.WSMsgType.CLOSE if code else aiohttp.WSMsgType.CLOSED, code)

    # What discord.py does.

    async def receive(self, timeout: float) -> aiohttp.WSMessage:
        """Answer what came, or raise TimeoutError."""
        timer = self._gateway.time.timer(timeout)
        while not self._inbox:
            self._reader = asyncio.get_running_loop().create_future()
            await asyncio.wait({timer, self._reader}, return_when=asyncio.FIRST_COMPLETED)
            if timer.done() and not self._inbox:
                raise TimeoutError
        timer.cancel()
        return self._inbox.popleft()

    async def send_str(self, text: str) -> None:
        """Take what the client sends."""
        if self.closed or self.close_code is not None:
            raise ConnectionResetError("closing")
        payload = orjson.loads(text)
        self.sent.append(payload)
        self._gateway.answer(self, payload)

    async def close(self, *, code: int) -> bool:
        """Take the close of the client; the first code counts."""
        if not self.closed:
            self.closed, self.closed_with = True, code
            self._put(aiohttp.WSMsgType.CLOSING, None)
        return True

    def _put(self, kind: aiohttp.WSMsgType, data: Any) -> None:
        self._inbox.append(aiohttp.WSMessage(kind, data, None))
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class FakeGateway:
    """Accepts connections, greets, acknowledges heartbeats; the rest is up to the test.

    Attributes:
        greets, acknowledges: Switched off to be silent.
        on_identify, on_resume: What it does then; READY and RESUMED by default.
        refuse: Addresses that nobody listens at.
        general: The address that REST names.
    """

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.sockets: list[FakeSocket] = []
        self.tries: list[tuple[float, str]] = []
        self.greets = self.acknowledges = True
        self.refuse: set[str] = set()
        self.general = GENERAL
        self.on_connect: Callable[[FakeSocket], None] = lambda _: None
        self.on_identify: Callable[[FakeSocket], None] = FakeSocket.ready
        self.on_resume: Callable[[FakeSocket], None] = lambda s: s.event("RESUMED", {})
        self.limit = {"remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        self.asked = 0

    @property
    def newest(self) -> FakeSocket:
        """The newest connection."""
        return self.sockets[-1]

    def count(self, op: int) -> int:
        """Answer how many payloads with *op* were sent, over all connections."""
        return sum(sent["op"] == op for socket in self.sockets for sent in socket.sent)

    async def connect(self, url: str) -> FakeSocket:
        """Open a connection."""
        self.tries.append((self.time.now_s, url))
        if any(url.startswith(dead) for dead in self.refuse):
            raise ConnectionRefusedError(111, "refused")
        socket = FakeSocket(self, url)
        if self.sockets:
            socket.sequence = self.sockets[-1].sequence
        self.sockets.append(socket)
        if self.greets:
            socket.hello()
        self.on_connect(socket)
        return socket

    async def request(self, route: Any) -> Mapping[str, Any]:
        """Answer GET /gateway/bot."""
        assert route.path == "/gateway/bot"
        self.asked += 1
        return {"url": self.general, "shards": 1, "session_start_limit": dict(self.limit)}

    def answer(self, socket: FakeSocket, sent: Mapping[str, Any]) -> None:
        """Answer what a client sent."""
        match sent["op"]:
            case 1 if self.acknowledges:
                socket.op(11)
            case 2:
                self.on_identify(socket)
            case 6:
                self.on_resume(socket)


class MemoryLedger:
    """The ledger without its file."""

    def __init__(self, limits: Limits, time: VirtualTime) -> None:
        self.history: tuple[float, ...] = ()
        self._limits, self._time = limits, time

    async def free_at_s(self) -> float | None:
        """Answer when the next login is allowed."""
        now_s = self._time.wall_clock()
        return identify_budget.free_at_s(self._limits, self.history, now_s=now_s)

    async def record(self) -> None:
        """Note a login."""
        self.history = (*self.history, self._time.wall_clock())


class MemoryFile:
    """A state file without a disk."""

    def __init__(self) -> None:
        self.raw: bytes | None = None

    async def read(self) -> bytes | None:
        """Answer what was written."""
        return self.raw

    async def write(self, raw: bytes) -> None:
        """Replace what was written."""
        self.raw = raw

    async def remove(self) -> None:
        """Forget."""
        self.raw = None


class MemoryQuarantine:
    """Keeps entries in a list."""

    def __init__(self) -> None:
        self.entries: list[Quarantined] = []

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.entries)

    def put(self, entry: Quarantined) -> None:
        """Keep one."""
        self.entries.append(entry)

    async def settled(self) -> None:
        """Nothing waits."""


class MemoryJournal(NoJournal):
    """Keeps what a journal is told."""

    def __init__(self) -> None:
        self.sessions: list[Session | None] = []
        self.dispatches: list[Dispatch] = []
        self.begun: list[tuple[int, int]] = []
        self.finished: list[int] = []
        self.flushes = 0

    def on_session(self, shard_id: int, session: Session | None) -> None:
        """A session began or ended."""
        self.sessions.append(session)

    def on_dispatch(self, dispatch: Dispatch) -> None:
        """An event came."""
        self.dispatches.append(dispatch)

    def on_begun(self, shard_id: int, sequence: int, attempt: int) -> None:
        """An event is being handled."""
        self.begun.append((sequence, attempt))

    def on_finished(self, shard_id: int, sequence: int) -> None:
        """It is not any more."""
        self.finished.append(sequence)

    async def flush(self) -> None:
        """All of it is on disk."""
        self.flushes += 1


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


class Stage:
    """One shard loop of a real discord.py client, on the fake gateway."""

    def __init__(self, client: discord.Client, tasks: TaskManager, **options: Any) -> None:
        self.time = VirtualTime()
        self.gateway = FakeGateway(self.time)
        self.client = client
        self.dispatched: list[str] = []
        self.quarantine, self.journal = MemoryQuarantine(), MemoryJournal()
        self.retry_file = MemoryFile()
        self.pace = Pace(
            clock=self.time.clock,
            wall_clock=self.time.wall_clock,
            sleep=self.time.sleep,
            draw=lambda: 0.5,
        )
        limits = options.pop("limits", Limits())
        self.ledger = MemoryLedger(limits, self.time)
        self.client.http.token = "token"
        self.client.http.request = self.gateway.request  # type: ignore[assignment,method-assign]
        self.client.http.ws_connect = self.gateway.connect  # type: ignore[assignment,method-assign]
        self.gate = IdentifyGate(client.http, cast(Any, self.ledger), pace=self.pace)
        self.waits = Waits(client, cast(Any, self.retry_file), subject="gateway", pace=self.pace)
        self.wire = Wire(
            shard_id=0,
            client=client,
            tasks=tasks,
            quarantine=cast(Quarantine, self.quarantine),
            journal=self.journal,
            delivery=Delivery(self.journal, ack_after_s=10.0),
            marks=options.pop("marks", None),
            handlers=options.pop("handlers", _set()),
            arrivals=Arrivals(client),
            pace=self.pace,
        )
        self.loop = ShardLoop(
            client,
            self.wire,
            self.gate,
            self.waits,
            shard_id=None,
            ready_timeout_s=READY_TIMEOUT_S,
            on_open=self._opened,
            **options,
        )
        tasks.add_observer(self.wire.delivery)
        self.running = tasks.create_task(self.loop.run(), name="gateway-shard-0")

    def _opened(self, shard: ShardLoop) -> None:
        assert shard.ws is not None
        self.client.ws = shard.ws

    async def run(self, seconds: float) -> None:
        """Let time go by."""
        await self.time.run(seconds)


class Watched(discord.Client):
    """A client that keeps the names of its events."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.none(), guild_ready_timeout=0.0)
        self.events: list[str] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Keep the name, then do as discord.py does."""
        self.events.append(event)
        super().dispatch(event, *args, **kwargs)


@contextlib.asynccontextmanager
async def stage(client: discord.Client | None = None, **options: Any) -> AsyncIterator[Stage]:
    """Set up a stage, and clear it."""
    async with TaskManager() as tasks, client or Watched() as entered:
        stood = Stage(entered, tasks, **options)
        try:
            yield stood
        finally:
            stood.running.cancel()
            await asyncio.wait({stood.running})
            await stood.loop.hang_up(4000)
            await tasks.shutdown(1.0)
