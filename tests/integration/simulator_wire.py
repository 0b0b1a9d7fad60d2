"""A plain WebSocket to the simulator's gateway: every byte is the test's own."""

from __future__ import annotations

import json
import zlib
from typing import Any

import aiohttp

from simulator.server import Simulator

TOKEN = "simulator-token"
ALL_INTENTS = 53608447
_PROPERTIES = {"os": "linux", "browser": "test", "device": "test"}


class Wire:
    """A WebSocket to the gateway that speaks in decoded payloads."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, compressed: bool) -> None:
        self.socket = socket
        self._inflater = zlib.decompressobj() if compressed else None

    async def next(self) -> dict[str, Any]:
        """Answer the next payload; fails when the connection closes instead."""
        message = await self.socket.receive(timeout=5)
        if message.type is aiohttp.WSMsgType.BINARY and self._inflater is not None:
            return dict(json.loads(self._inflater.decompress(message.data)))
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
        return dict(json.loads(message.data))

    async def until(self, event: str) -> dict[str, Any]:
        """Answer the next payload named *event*."""
        while True:
            payload = await self.next()
            if payload["t"] == event:
                return payload

    async def closed(self) -> int | None:
        """Answer the code with which the gateway closes, whatever it sends before."""
        while True:
            message = await self.socket.receive(timeout=5)
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return self.socket.close_code

    async def send(self, op: int, data: Any = None) -> None:
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def identify(self, **changes: Any) -> None:
        data: dict[str, Any] = {"token": TOKEN, "intents": ALL_INTENTS, "properties": _PROPERTIES}
        await self.send(2, {**data, **changes})

    async def start(self, **changes: Any) -> dict[str, Any]:
        """Identify and answer READY's data."""
        await self.identify(**changes)
        ready: dict[str, Any] = (await self.until("READY"))["d"]
        return ready


class Dialer:
    """Opens WebSockets to the simulator, past HELLO."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self._simulator, self._session = simulator, session

    async def dial(
        self, *, compress: bool = False, version: str = "10", hello: bool = True
    ) -> Wire:
        url = f"{self._simulator.gateway_url}?v={version}&encoding=json"
        url += "&compress=zlib-stream" if compress else ""
        wire = Wire(await self._session.ws_connect(url), compressed=compress)
        if hello:
            assert (await wire.next())["op"] == 10
        return wire
