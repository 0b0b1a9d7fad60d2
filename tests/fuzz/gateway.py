"""Whatever the gateway sends: frames, payloads, events, HELLO, READY, RESUMED, GET /gateway/bot.

The bot is whole: login, shard loop, WebSocket, discord.py's parsers, the session journal, and a new
process that continues from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import discord
import orjson
from discord.http import Route

from bot.errors import PermanentError
from bot.gateway.connection import GatewayConnection
from bot.gateway.inflate import MAX_MESSAGE_BYTES
from bot.gateway.pace import Pace
from bot.gateway.recall import Recall
from bot.tasks.manager import TaskManager
from tests.fuzz import hostile_discord as tags
from tests.fuzz.background import Complaints, complaints
from tests.fuzz.choices import Choices, built
from tests.fuzz.gateway_events import AFTER_READY, PAYLOADS
from tests.fuzz.hostile_discord import HostileDiscord
from tests.fuzz.mutation import byte_edited, json_text
from tests.fuzz.surface import Check, Input, Surface
from tests.fuzz.watchdog_files import MEMORY
from tests.integration.serving import settings_for

TOKEN = "fuzz-token"
START_S = 10.0
READY_TIMEOUT_S = 0.1  # of silence; none of the inputs waits longer for more
FASTER = 500.0  # since a wait of a day is taken a second at a time
VIRTUAL_UP_TO_S = 30.0  # a longer sleep is that of Discord's own heartbeat
CODES = (1000, 1001, 1006, 1011, 4000, 4001, 4003, 4007, 4008, 4009, 4900, 0, 65535)
FATAL = (4004, 4010, 4011, 4012, 4013, 4014)
HELLO = orjson.dumps({"op": 10, "d": {"heartbeat_interval": 45_000}, "s": None, "t": None})
READY = orjson.dumps(
    {
        "op": 0,
        "t": "READY",
        "s": 1,
        "d": {
            "v": 10,
            "user": tags.BOT,
            "session_id": "other",
            "resume_gateway_url": "ws://127.0.0.1:9/",
            "guilds": [{"id": data["id"], "unavailable": True} for _, data in AFTER_READY],
            "application": {"id": "8", "flags": 0},
        },
    }
)
RESUMED = orjson.dumps({"op": 0, "t": "RESUMED", "s": 99, "d": {"_trace": ["a"]}})
LIMIT = {"total": 9, "remaining": 9, "reset_after": 0, "max_concurrency": 1}
GATEWAY = orjson.dumps({"url": "ws://127.0.0.1:9", "shards": 1, "session_start_limit": LIMIT})
LIMITED = orjson.dumps({"message": "limited", "retry_after": 0.01, "global": False})
STATUSES = (b"200", b"200", b"200", b"429", b"429", b"500", b"502", b"403", b"404", b"204", b"418")
WAITS = (b"", b" 0", b" 7", b" -1", b" nan", b" 1e999", b" x", b" Wed, 21 Oct 2099 07:28:00 GMT")
WIRE = (
    *(b"\x81\x05hello", b"\x01\x02ab\x80\x01c", b"\x80\x01x", b"\x83\x00", b"\x8b\x00"),
    b"\xf1\x00",
    *(b"\x89\x7e\x01\x00" + b"p" * 256, b"\x81\x7f" + b"\xff" * 8, b"\x88\x01a"),
    b"\x88\x02\x03\xee",
    *(b"\x82\x85mask12345", b"HTTP/1.1 200 OK\r\n\r\n", b"\x8a\x00", b"\x88\x04\x0f\xa0\xff\xff"),
)


def build(choices: Choices) -> Input:
    """Answer one to three things that the gateway sends."""
    parts = [_part(choices) for _ in range(1 + choices.number(3))]
    if choices.one_in(60):
        parts.append(tags.RESTART)
    return tuple(parts)


def _part(choices: Choices) -> bytes:
    match choices.number(40):
        case 30 | 31:
            return tags.AT_READY + json_text((READY,), choices)
        case 32:
            return tags.AT_HELLO + json_text((HELLO,), choices)
        case 33:
            return tags.AT_RESUMED + json_text((RESUMED,), choices)
        case 34:
            head = choices.pick(STATUSES) + choices.pick(WAITS)
            return tags.AT_GATEWAY + head + b"\n" + json_text((GATEWAY, LIMITED), choices)
        case 35:
            return tags.BINARY + choices.some_bytes(20) + choices.pick((b"", b"\0\0\xff\xff"))
        case 36:
            return tags.RAW + byte_edited(choices.pick(WIRE), choices)
        case 37:
            codes = FATAL if choices.one_in(16) else CODES
            return tags.CLOSE + choices.pick(codes).to_bytes(2) + choices.some_bytes(8)
        case 38:
            return tags.DROP
        case 39 if choices.one_in(40):
            return tags.PACKED + b'{"s": 5, "d":"' + b" " * (MAX_MESSAGE_BYTES + 9) + b'"}'
    kind = choices.pick((tags.PACKED, tags.PACKED, tags.PACKED, tags.TEXT))
    return kind + json_text(PAYLOADS, choices)


class Jumping:
    """Time in which waits are over at once."""

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def clock(self) -> float:
        """Answer monotonic seconds."""
        return time.monotonic() + self._skipped_s

    def wall_clock(self) -> float:
        """Answer Unix seconds."""
        return time.time() + self._skipped_s

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* go by."""
        if seconds > VIRTUAL_UP_TO_S:
            await asyncio.sleep(seconds)
        self._skipped_s += seconds * FASTER
        await asyncio.sleep(0)

    @property
    def pace(self) -> Pace:
        """The same as the gateway's parts want it."""
        return Pace(
            clock=self.clock, wall_clock=self.wall_clock, sleep=self.sleep, draw=lambda: 0.0
        )


class Life:
    """One process after the other, on the same folder."""

    def __init__(self, discord_side: HostileDiscord, folder: Path, heard: Complaints) -> None:
        self.discord = discord_side
        self._folder, self._heard, self._time = folder, heard, Jumping()
        self._stack = contextlib.AsyncExitStack()
        self._running: asyncio.Task[None] | None = None
        self._recall: Recall | None = None

    async def begin(self) -> None:
        """Start a bot, which continues what the one before left."""
        tasks = await self._stack.enter_async_context(TaskManager())
        intents = discord.Intents.all()
        client = discord.Client(
            intents=intents, guild_ready_timeout=0.0, chunk_guilds_at_startup=False
        )
        settings = settings_for(
            self._folder,
            {
                "discord_api_url": f"http://{self.discord.address}/api/v10",
                "log_dir": self._folder,
                "gateway_ready_timeout_s": READY_TIMEOUT_S,
                "identify_max_10_min": 10**9,
                "identify_max_24_h": 10**9,
                "journal_max_events": 300,
            },
        )
        self._recall = Recall(client, settings, token=TOKEN)
        connection = GatewayConnection(
            client,
            token=TOKEN,
            settings=settings,
            tasks=tasks,
            recall=self._recall,
            pace=self._time.pace,
            identify_interval_s=0.0,
        )
        self._stack.push_async_callback(connection.close)

        async def run() -> None:
            await connection.login()
            await connection.run()

        self._running = tasks.create_task(run(), name="gateway")
        await self.discord.settled(START_S)

    async def end(self) -> None:
        """End the bot as a process ends that will come back."""
        running, self._running = self._running, None
        await self._stack.aclose()
        self._stack = contextlib.AsyncExitStack()
        if running is not None and not running.cancelled() and running.exception() is not None:
            with contextlib.suppress(PermanentError):
                running.result()

    async def take(self, given: Input) -> None:
        """Have the gateway send *given*: afterwards the bot serves, or has said what to mend."""
        try:
            await self._take(given)
        except BaseException:
            await self._begin_anew()
            raise

    async def _begin_anew(self) -> None:
        """Give the next input a bot that is well."""
        self.discord.forget()
        with contextlib.suppress(Exception):  # it was told already
            await self.end()
        for path in self._folder.iterdir():
            path.unlink()
        await self.begin()

    async def _take(self, given: Input) -> None:
        parts = tuple(part for part in given if part != tags.RESTART)
        await self.discord.play(parts)
        try:
            await self.discord.settled()
        except tags.UnansweredError:
            if self._running is None or not self._running.done():
                raise
            await self.end()  # raises what ended it
        if self._running is None or len(parts) < len(given):
            self.discord.forget()
            await self.end()
            await self.begin()
        await self._judge()

    async def _judge(self) -> None:
        self._heard.raise_any()
        assert self._recall is not None
        await self._recall.journal.flush()
        assert self._recall.facts().reason != "crashed", "the journal's thread died"
        if self._running is not None and self._running.done():
            self._running.result()


@contextlib.asynccontextmanager
async def living(folder: Path, heard: Complaints) -> AsyncIterator[Life]:
    """Run a hostile Discord and a bot."""
    base = Route.BASE
    async with HostileDiscord(AFTER_READY) as hostile:
        life = Life(hostile, folder, heard)
        try:
            await life.begin()
            yield life
        finally:
            await life.end()
            Route.BASE = base


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    """Run both in a loop that turns while an input is checked."""
    with (
        tempfile.TemporaryDirectory(prefix="novera-fuzz-", dir=MEMORY) as folder,
        complaints("asyncio", "discord", "aiohttp.server") as heard,
        asyncio.Runner() as runner,
    ):
        context: Any = living(Path(folder), heard)
        life = runner.run(context.__aenter__())
        try:
            yield lambda given: runner.run(life.take(given))
        finally:
            runner.run(context.__aexit__(None, None, None))


SURFACE = Surface(name="gateway", inputs=built(build, size=96), opened=opened, batch=500)
