"""A Discord that sends what it is told to: HTTP and WebSockets on loopback, in the loop of the bot.

What an input says is sent to the connection that is open, or at the step of the next one that it
names; everything else is answered as Discord does, so that the bot always comes to serve again.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, Self

import aiohttp
import orjson
from aiohttp import web

from bot.tasks.timeouts import with_timeout
from tests.fuzz.surface import Input

TEXT, BINARY, PACKED, RAW, CLOSE, DROP = b"t", b"b", b"z", b"w", b"c", b"x"
AT_HELLO, AT_READY, AT_RESUMED, AT_GATEWAY = b"h", b"r", b"u", b"g"
RESTART = b"R"  # for whoever runs the bot
STEPS = (AT_HELLO, AT_READY, AT_RESUMED, AT_GATEWAY)
INTERVAL_MS = 45_000
ANSWER_S = 0.9
BOT = {"id": "9", "username": "bot", "discriminator": "0", "avatar": None, "bot": True, "flags": 0}
APPLICATION = {
    "id": "8",
    "flags": 0,
    "name": "bot",
    "description": "",
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "",
    "owner": BOT,
}


class UnansweredError(AssertionError):
    """The bot did not come to serve again."""


class HostileDiscord:
    """Serves one bot.

    Args:
        events: Name and data of what follows READY.
    """

    def __init__(self, events: Sequence[tuple[str, Any]]) -> None:
        self._events = events
        self._planned: defaultdict[bytes, deque[bytes]] = defaultdict(deque)
        self._sequence = 0
        self._socket: web.WebSocketResponse | None = None
        self._packer = zlib.compressobj()
        self._serving, self._beat = asyncio.Event(), asyncio.Event()
        self.address = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/gateway", self._connected)
        app.router.add_route("*", "/api/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._runner.cleanup()

    # ------------------------------------------------------------- the input

    async def play(self, parts: Input) -> None:
        """Send *parts*; what belongs to a step of a connection waits for the next one."""
        steps = [part for part in parts if part[:1] in STEPS]
        for part in steps:
            self._planned[part[:1]].append(part[1:])
        for part in parts:
            if part[:1] not in STEPS:
                await self._send_part(part[:1], part[1:])
        if any(part[:1] == RAW for part in parts):  # a frame may wait for its end, like a network
            await self._send_part(DROP, b"")
        if steps:
            self._serving.clear()  # until the connection after this one
            begins_anew = not any(part[:1] == AT_RESUMED for part in steps)
            if begins_anew:
                await self._send({"op": 9, "d": False})
            else:
                await self._send({"op": 7, "d": None})

    async def settled(self, within_s: float = ANSWER_S) -> None:
        """Answer once the bot has read all of it and answers on an open connection."""

        async def answer() -> None:
            while True:
                await self._serving.wait()
                self._beat.clear()
                await self._send({"op": 1, "d": None})
                with contextlib.suppress(TimeoutError):
                    await with_timeout(self._beat.wait(), 0.3)
                    return

        try:
            await with_timeout(answer(), within_s)
        except TimeoutError:
            raise UnansweredError("the bot does not answer any more") from None

    def forget(self) -> None:
        """Plan nothing more."""
        self._planned.clear()

    async def _send_part(self, kind: bytes, data: bytes) -> None:
        socket = self._socket
        transport = socket._req.transport if socket is not None and socket._req else None
        if socket is None or socket.closed or transport is None:
            return
        with contextlib.suppress(ConnectionError, RuntimeError):
            if kind == PACKED:
                await socket.send_bytes(self._packed(data))
            elif kind == BINARY:
                await socket.send_bytes(data)
            elif kind == TEXT:  # not `send_str`: it may be no UTF-8
                assert socket._writer is not None
                await socket._writer.send_frame(data, aiohttp.WSMsgType.TEXT)
            elif kind == RAW:
                transport.write(data)
            elif kind == CLOSE:
                await socket.close(code=int.from_bytes(data[:2]), message=data[2:100])
            elif kind == DROP:
                transport.abort()

    # ------------------------------------------------------ what Discord does

    async def _connected(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True, timeout=0.1, max_msg_size=1 << 20)
        await socket.prepare(request)
        self._socket, self._packer = socket, zlib.compressobj()
        self._serving.clear()
        hello = {"op": 10, "d": {"heartbeat_interval": INTERVAL_MS}, "s": None, "t": None}
        await self._step(AT_HELLO, hello)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                await self._heard(orjson.loads(message.data))
        return socket

    async def _heard(self, payload: dict[str, Any]) -> None:
        match payload.get("op"):
            case 1:
                self._beat.set()
                await self._send({"op": 11, "d": None})
            case 2:
                self._sequence = 0
                await self._begin()
            case 6:
                await self._step(AT_RESUMED, self._event("RESUMED", {"_trace": []}))
                self._serving.set()

    async def _begin(self) -> None:
        guilds = [{"id": data["id"], "unavailable": True} for _, data in self._events]
        ready = {
            "v": 10,
            "user": BOT,
            "session_id": "session",
            "resume_gateway_url": f"ws://{self.address}/gateway",
            "guilds": guilds,
            "application": {"id": "8", "flags": 0},
            "shard": [0, 1],
        }
        await self._step(AT_READY, self._event("READY", ready))
        for name, data in self._events:
            await self._send(self._event(name, data))
        self._serving.set()

    def _event(self, name: str, data: Any) -> dict[str, Any]:
        self._sequence += 1
        return {"op": 0, "t": name, "s": self._sequence, "d": data}

    async def _step(self, step: bytes, usual: dict[str, Any]) -> None:
        planned = self._planned[step]
        if planned:
            await self._send_part(PACKED, planned.popleft())
        else:
            await self._send(usual)

    async def _send(self, payload: dict[str, Any]) -> None:
        await self._send_part(PACKED, orjson.dumps(payload))

    def _packed(self, data: bytes) -> bytes:
        return self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    async def _rest(self, request: web.Request) -> web.Response:
        planned = self._planned[AT_GATEWAY]
        match request.match_info["path"].removeprefix("v10/"):
            case "gateway/bot" if planned:
                return _planned_answer(planned.popleft())
            case "gateway/bot":
                left = {"total": 9, "remaining": 9, "reset_after": 0, "max_concurrency": 1}
                url = f"ws://{self.address}/gateway"
                body = orjson.dumps({"url": url, "shards": 1, "session_start_limit": left})
            case "users/@me":
                body = orjson.dumps(BOT)
            case _:
                body = orjson.dumps(APPLICATION)
        # Without a charset: discord.py takes nothing else for JSON.
        return web.Response(body=body, content_type="application/json", headers={"Via": "1.1 a"})


def _planned_answer(planned: bytes) -> web.Response:
    """Answer status, Retry-After and body as they are written one after the other."""
    head, _, body = planned.partition(b"\n")
    status, _, retry_after = head.decode("latin-1").partition(" ")
    headers = {"Via": "1.1 a", **({"Retry-After": retry_after} if retry_after else {})}
    return web.Response(
        status=int(status), body=body, content_type="application/json", headers=headers
    )
