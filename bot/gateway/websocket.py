"""discord.py's WebSocket with the decisions taken out: what ends it is raised as `Lost`.

What differs from discord.py: heartbeats are judged by their ACKs, a payload that can't be parsed is
set aside, messages are bounded, IDENTIFY and RESUME wait until `greet`, and closing never waits
longer than a second for the other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from contextvars import ContextVar
from typing import Any, Literal, cast

import aiohttp
import orjson
import structlog
import yarl
from discord import ConnectionClosed
from discord.gateway import DiscordWebSocket

from bot.gateway import close_codes, inflate
from bot.gateway.acks import Acks
from bot.gateway.identify_gate import usable
from bot.gateway.session import Dispatch
from bot.gateway.signals import (
    Closed,
    Lost,
    PayloadBroken,
    Ready,
    ReconnectAsked,
    Resumed,
    SessionInvalid,
    TimedOut,
)
from bot.gateway.wire import Wire
from bot.tasks.timeouts import with_timeout

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT_S = 1.0
SILENCE_FACTOR = 1.25  # of the heartbeat interval: an idle connection still brings its ACKs
NO_CLOSE_FRAME = 1006
MAX_SEQUENCE = 1 << 53  # far beyond any session's; a larger one fits in no journal
_SEQUENCE = re.compile(rb'"s":\s*(\d{1,15})[,}]')
# `from_client` hands nothing on to `__init__`; this does.
opening: ContextVar[Wire] = ContextVar("gateway_opening")


class GatewaySocket(DiscordWebSocket):
    """One connection. `poll` reads one message; `answered` tells what became of the greeting."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(socket, loop=loop)
        self._wire = opening.get()
        self._wire.socket = self
        self._decompressor = inflate.bounded(self._decompressor)
        self._beats: asyncio.Task[None] | None = None
        self._resuming = False
        self._unacknowledged = False
        self.acks = Acks(now_s=self._wire.pace.clock())
        self.interval_s: float | None = None
        self.answered: Ready | Resumed | None = None
        self.address: str | None = None  # where this session asks to be resumed

    @property
    def latency(self) -> float:
        """Seconds from the last heartbeat to its ACK; infinite before the first one."""
        return self.acks.latency_s

    @property
    def silence_s(self) -> float:
        """Seconds without any packet after which the connection is given up."""
        return max(self._max_heartbeat_timeout, (self.interval_s or 0.0) * SILENCE_FACTOR)

    # ------------------------------------------------------------- greeting

    async def identify(self) -> None:
        """Wait for `greet`: `from_client` calls this as soon as HELLO came."""

    async def resume(self) -> None:
        """Wait for `greet`: `from_client` calls this as soon as HELLO came."""

    async def greet(self, *, resume: bool) -> None:
        """Send RESUME or IDENTIFY; why that fails is heard by the one who reads on."""
        self._resuming = resume
        with contextlib.suppress(ConnectionError):
            await (super().resume() if resume else super().identify())

    # -------------------------------------------------------------- reading

    async def poll_event(self) -> None:
        """Read one message; raises `Lost`."""
        await self.poll(self.silence_s, "events")

    async def poll(
        self, limit_s: float, waiting_for: Literal["hello", "ready", "resumed", "events"]
    ) -> None:
        """Read one message, or part of one, within *limit_s*.

        Raises:
            Lost: the connection is over; it still has to be closed.
        """
        try:
            message = await self.socket.receive(timeout=max(limit_s, 0.001))
        except TimeoutError:
            raise Lost(TimedOut(waiting_for=waiting_for)) from None
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            await self.received_message(message.data)
            return
        if self._unacknowledged:
            raise Lost(TimedOut(waiting_for="acks"))
        theirs = self.socket.close_code
        by_us = self._close_code is not None
        code = self._close_code if by_us else theirs
        raise Lost(Closed(code=None if code == NO_CLOSE_FRAME else code, by_us=by_us))

    async def received_message(self, msg: Any, /) -> None:
        """Act on one frame."""
        text = self._inflated(msg) if isinstance(msg, bytes) else msg
        if text is None:
            return
        if len(text) > inflate.MAX_MESSAGE_BYTES:
            self._skip(text[:4096].encode())
            return
        self.log_receive(cast(Any, text))  # the text, whatever the annotation says
        payload = self._parsed(text)
        if payload is not None:
            await self._act(payload, text)

    def _inflated(self, frame: bytes) -> str | None:
        try:
            return self._decompressor.decompress(frame)
        except inflate.MessageTooLongError as error:
            self._skip(error.head)
        except inflate.StreamBrokenError as error:
            self._wire.set_aside("", error=error, sequence=self.sequence)
            raise Lost(PayloadBroken(reason="bad_stream")) from error
        return None

    def _skip(self, head: bytes) -> None:
        """Pass over a message that is too long; its sequence stands near its beginning."""
        found = _SEQUENCE.search(head)
        if found is not None and int(found[1]) > (self.sequence or 0):
            self.sequence = int(found[1])
        raw = head.decode("utf-8", "replace")
        self._wire.set_aside(raw, error="message too long", sequence=self.sequence)

    def _parsed(self, text: str) -> dict[str, Any] | None:
        """Answer the payload; one that is no JSON is asked for once more, then passed over.

        Raises:
            Lost: for the first one, so that RESUME brings it again.
        """
        error: Exception | str = "not an object"
        try:
            payload = orjson.loads(text)
            if isinstance(payload, dict):
                return payload
        except ValueError as caught:  # JSONDecodeError and UnicodeEncodeError
            error = caught
        self._wire.set_aside(text, error=error, sequence=self.sequence)
        if self._wire.broken_at == (self.sequence,):
            return None
        self._wire.broken_at = (self.sequence,)
        raise Lost(PayloadBroken(reason="not_json"))

    async def _act(self, payload: dict[str, Any], text: str) -> None:
        op = payload.get("op")
        match op:
            case self.DISPATCH:
                await self._dispatched(payload, text)
            case self.HEARTBEAT_ACK:
                self._wire.last_ack_s = now_s = self._wire.pace.clock()
                self.acks.acknowledged(now_s=now_s)
            case self.HEARTBEAT:
                await self._beat()
            case self.RECONNECT:
                raise Lost(ReconnectAsked())
            case self.INVALIDATE_SESSION:
                raise Lost(SessionInvalid(resumable=payload.get("d") is True))
            case self.HELLO:
                await self._greeted(payload.get("d"))
            case _:
                log.debug("gateway_op.unknown", shard_id=self._wire.shard_id, op=op)

    async def _dispatched(self, payload: dict[str, Any], text: str) -> None:
        name, sequence = payload.get("t"), payload.get("s")
        if type(sequence) is int and 0 <= sequence <= MAX_SEQUENCE:
            self.sequence = sequence
        if not isinstance(name, str):
            self._wire.set_aside(text, error="event without a name", sequence=self.sequence)
            return
        dispatch = Dispatch(
            shard_id=self._wire.shard_id,
            sequence=self.sequence or 0,
            name=name,
            raw=text,
            data=payload.get("d"),
        )
        if self._wire.is_replaying:
            taken = await self._wire.deliver_again(dispatch, self._parse)
        else:  # nothing is left over from an earlier process
            taken = self._wire.deliver(dispatch, self._parse)
        if name == "READY":
            if not taken:
                raise Lost(PayloadBroken(reason="bad_ready"))
            self.answered = Ready()
        elif name == "RESUMED" and self._wire.marks is None:
            self.answered = Resumed()
        elif self._resuming and self.answered is None:
            self._wire.replayed += 1

    def _parse(self, name: str, data: Any) -> None:
        """Hand one event to discord.py."""
        self._dispatch("socket_event_type", name)
        if name == "READY":
            self.session_id = str(data["session_id"])
            address = data.get("resume_gateway_url")
            self.address = address if usable(address) else None
            if self.address is not None:
                self.gateway = yarl.URL(self.address)
        elif name == "RESUMED":
            data["__shard_id__"] = self.shard_id  # discord.py's parser of sharded clients wants it
        parser = self._discord_parsers.get(name)
        if parser is not None:
            parser(data)

    # ----------------------------------------------------------- heartbeats

    async def _greeted(self, data: Any) -> None:
        try:
            interval_s = float(data["heartbeat_interval"]) / 1000
        except (KeyError, TypeError, ValueError) as error:
            raise Lost(PayloadBroken(reason="bad_hello")) from error
        if not 0.01 <= interval_s <= 3600:
            raise Lost(PayloadBroken(reason="bad_hello"))
        if self._beats is not None:
            return
        self.interval_s = interval_s
        name = f"gateway-heartbeat-{self._wire.shard_id}"
        self._beats = self._wire.tasks.create_task(self._keep_beating(interval_s), name=name)

    async def _keep_beating(self, interval_s: float) -> None:
        while True:
            if self.acks.lost:
                log.warning("gateway_acks.missed", shard_id=self._wire.shard_id)
                self._unacknowledged = True
                await self._close_socket(close_codes.KEEPING)
                return
            await self._beat()
            await self._wire.pace.sleep(interval_s)

    async def _beat(self) -> None:
        self.acks.sent(now_s=self._wire.pace.clock())
        try:
            await self.send_heartbeat({"op": self.HEARTBEAT, "d": self.sequence})
        except (ConnectionError, ConnectionClosed):
            return  # whoever reads will hear of it

    # -------------------------------------------------------------- closing

    async def close(self, code: int = close_codes.KEEPING) -> None:
        """Close and keep the session, whatever *code* says: it is discord.py that asks for 1000.

        A client that a plugin closes comes back in the next process, and misses nothing.
        """
        await self.hang_up(close_codes.KEEPING if code in close_codes.ENDING else code)

    async def hang_up(self, code: int) -> None:
        """Close, waiting a second at most; 1000 and 1001 end the session. The first code counts."""
        beats, self._beats = self._beats, None
        if beats is not None:
            beats.cancel()
        if self._close_code is None:
            self._close_code = code
        await self._close_socket(self._close_code)

    async def _close_socket(self, code: int) -> None:
        try:
            await with_timeout(self.socket.close(code=code), CLOSE_TIMEOUT_S)
        except TimeoutError:
            log.debug("gateway.close_unanswered", shard_id=self._wire.shard_id)
