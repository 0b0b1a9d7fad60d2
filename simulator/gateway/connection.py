"""One WebSocket of the gateway: reading, writing, heartbeats, limits."""

from __future__ import annotations

import asyncio
import socket as sockets
import struct
import time
import zlib
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import ClientError, WSMsgType, web

from simulator.gateway.protocol import CLOSE_CODES, MAX_PAYLOAD_BYTES, Op, payload

if TYPE_CHECKING:
    from simulator.gateway.hub import Hub
    from simulator.gateway.session import Session

_CLOSE_TIMEOUT_S = 2.0
_LINGER_OFF = struct.pack("ii", 1, 0)
_LIMIT_OUTGOING = 50_000


def reset(transport: asyncio.BaseTransport | None) -> None:
    """End a TCP connection with RST, as a broken network does."""
    if transport is None or not isinstance(transport, asyncio.WriteTransport):
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _LINGER_OFF)
    transport.abort()


class Connection:
    """A client's WebSocket. `send` never blocks; a writer task keeps the order."""

    def __init__(self, hub: Hub, request: web.Request, *, number: int, compressed: bool) -> None:
        self.number = number
        self.session: Session | None = None
        self.socket = web.WebSocketResponse(
            timeout=_CLOSE_TIMEOUT_S, compress=False, max_msg_size=1 << 20
        )
        self.opened_at_s = self.heartbeat_at_s = time.monotonic()
        self.close_code: int | None = None
        self.closed_by_client = False
        self._hub, self._request = hub, request
        self._deflater = zlib.compressobj() if compressed else None
        self._outgoing: asyncio.Queue[bytes | _Raw | _Close] = asyncio.Queue()
        self._received_at_s: deque[float] = deque()

    @property
    def query(self) -> Mapping[str, str]:
        """Parameters of the address: v, encoding, compress."""
        return self._request.query

    def beat(self) -> None:
        """Note a heartbeat of the client."""
        self.heartbeat_at_s = time.monotonic()

    async def run(self) -> web.WebSocketResponse:
        """Serve the connection until it ends, in the request's own task."""
        await self.socket.prepare(self._request)
        writer = asyncio.create_task(self._write(), name=f"simulator-gateway-{self.number}")
        try:
            self._hub.greet(self)
            await self._read()
        finally:
            writer.cancel()
            await asyncio.wait({writer})
            self._hub.forget(self)
        return self.socket

    # ------------------------------------------------------------------ out

    def send(self, frame: bytes) -> None:
        """Queue one payload."""
        if self._outgoing.qsize() >= _LIMIT_OUTGOING:
            self.drop()
            return
        self._outgoing.put_nowait(frame)

    def send_op(self, op: Op | int, data: Any = None) -> None:
        """Queue a payload that is no event."""
        self.send(orjson.dumps(payload(op, data)))

    def send_raw(self, frame: bytes, *, binary: bool) -> None:
        """Queue a WebSocket frame as it is, past compression and JSON."""
        self._outgoing.put_nowait(_Raw(frame, binary))

    def close(self, code: int) -> None:
        """Queue the end of the connection."""
        self._outgoing.put_nowait(_Close(code))

    def end_session(self) -> None:
        """Let the session go; an IDENTIFY on this connection may begin another one."""
        session, self.session = self.session, None
        if session is not None:
            self._hub.sessions.pop(session.id, None)

    def drop(self) -> None:
        """Reset the connection at once, without a close frame."""
        self.close_code = self.close_code or 1006
        reset(self._request.transport)

    async def _write(self) -> None:
        try:
            while True:
                item = await self._outgoing.get()
                await self._hub.stall(self)
                if isinstance(item, _Close):
                    await self._end(item.code)
                    return
                if isinstance(item, _Raw):
                    await self._write_raw(item)
                else:
                    await self._write_frame(item)
        except (ConnectionError, ClientError):
            self.drop()

    async def _write_frame(self, frame: bytes) -> None:
        if self._deflater is None:
            await self.socket.send_str(frame.decode())
            return
        packed = self._deflater.compress(frame) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        await self.socket.send_bytes(packed)

    async def _write_raw(self, item: _Raw) -> None:
        if item.binary:
            await self.socket.send_bytes(item.frame)
        elif self._deflater is None:
            await self.socket.send_str(item.frame.decode("utf-8", "replace"))
        else:
            await self._write_frame(item.frame)

    async def _end(self, code: int) -> None:
        self.close_code = code
        known = CLOSE_CODES.get(code)
        reason = known.reason if known is not None else ""
        await self.socket.close(code=code, message=reason.encode())

    # ------------------------------------------------------------------- in

    async def _read(self) -> None:
        while True:
            left_s = self.heartbeat_at_s + self._hub.heartbeat_limit_s - time.monotonic()
            try:
                message = await self.socket.receive(timeout=max(0.001, left_s))
            except TimeoutError:
                if time.monotonic() - self.heartbeat_at_s >= self._hub.heartbeat_limit_s:
                    self.close(4009)
                    self.heartbeat_at_s = time.monotonic() + _CLOSE_TIMEOUT_S
                continue
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                if self.close_code is None:
                    self.close_code = self.socket.close_code or 1006
                    self.closed_by_client = self.close_code != 1006
                return
            if self.close_code is None:
                self._take(message.data)

    def _take(self, data: str | bytes) -> None:
        """Read one payload of the client, within Discord's limits."""
        now_s = time.monotonic()
        settings = self._hub.settings
        self._received_at_s.append(now_s)
        while self._received_at_s[0] <= now_s - settings.send_window_s:
            self._received_at_s.popleft()
        if len(self._received_at_s) > settings.send_limit:
            self.close(4008)
            return
        if len(data) > MAX_PAYLOAD_BYTES:
            self.close(4002)
            return
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.close(4002)
            return
        if not isinstance(message, dict) or type(message.get("op")) is not int:
            self.close(4002)
            return
        self._hub.receive(self, message["op"], message.get("d"))


class _Raw:
    __slots__ = ("binary", "frame")

    def __init__(self, frame: bytes, binary: bool) -> None:
        self.frame, self.binary = frame, binary


class _Close:
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code
