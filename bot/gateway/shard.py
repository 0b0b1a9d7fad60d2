"""The connection loop of one shard: carries out what the state machine decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import discord
import structlog
import yarl

from bot.errors import PermanentError
from bot.gateway import close_codes, endpoint
from bot.gateway.actions import Action, BackOff, Connect, Fail, Hold, Ignore, Serve, Stop
from bot.gateway.failures import RECOVERABLE, signal_of
from bot.gateway.identify_gate import IdentifyGate
from bot.gateway.session import Session
from bot.gateway.signals import (
    Hello,
    Lost,
    Ready,
    SessionInvalid,
    Signal,
    StopAsked,
    TimedOut,
)
from bot.gateway.transitions import Phase, Standing, begin, decide
from bot.gateway.waits import Waits
from bot.gateway.websocket import GatewaySocket, opening
from bot.gateway.wire import Wire
from bot.tasks.timeouts import with_timeout

log = structlog.get_logger(__name__)

WAITING = (Phase.BACKING_OFF, Phase.HOLDING)


class ShardLoop:
    """Keeps one shard connected; `ws` and `id` are what discord.py asks of a shard.

    Attributes:
        identifies: IDENTIFYs that were sent.
        resumes: RESUMEs that were answered.
    """

    def __init__(
        self,
        client: discord.Client,
        wire: Wire,
        gate: IdentifyGate,
        waits: Waits,
        *,
        shard_id: int | None,
        ready_timeout_s: float,
        session: Session | None = None,
        on_open: Callable[[ShardLoop], None] = lambda _: None,
        on_change: Callable[[], None] = lambda: None,
        on_lost: Callable[[float | None], None] = lambda _: None,
    ) -> None:
        self.waits, self.wire = waits, wire
        self.identifies = self.resumes = 0
        self._client, self._gate = client, gate
        self._shard_id, self._ready_timeout_s = shard_id, ready_timeout_s
        self._session = session
        self._on_open, self._on_change, self._on_lost = on_open, on_change, on_lost
        self._wanted = True
        self._standing = Standing(
            phase=Phase.CONNECTING, logged_in=True, has_session=session is not None
        )

    @property
    def id(self) -> int:
        """Number of the shard, 0 for a client without shards."""
        return self.wire.shard_id

    @property
    def phase(self) -> Phase:
        """Where the connection stands."""
        return self._standing.phase

    @property
    def ws(self) -> GatewaySocket | None:
        """The newest WebSocket."""
        return self.wire.socket

    @property
    def session(self) -> Session | None:
        """What RESUME would take now, None when there is nothing to resume."""
        socket, session = self.wire.socket, self._session
        if session is None or socket is None or socket.session_id != session.session_id:
            return session
        return replace(session, sequence=socket.sequence)

    async def run(self) -> None:
        """Connect and serve until the client is closed.

        Raises:
            PermanentError: Discord refuses the bot as it is.
        """
        action = begin(self._standing)
        while True:
            signal: Signal
            match action:
                case Connect():
                    signal = await self._connect(action)
                case Serve():
                    signal = await self._serve()
                case BackOff() | Hold():
                    signal = await self.waits.carry_out(action)
                case Fail():
                    raise PermanentError(action.kind, action.advice)
                case _:
                    return
            action = await self._next(signal, action)

    async def hang_up(self, code: int) -> None:
        """Close the connection if it is open; 1000 ends its session."""
        socket = self.wire.socket
        if socket is not None:
            await socket.hang_up(code)

    # -------------------------------------- what `discord.ShardInfo` asks for

    async def close(self) -> None:
        """Close the connection; its session goes on in the next process."""
        await self.hang_up(close_codes.KEEPING)

    async def disconnect(self) -> None:
        """Stay away until `reconnect`."""
        self._wanted = False
        await self.hang_up(1000)

    async def reconnect(self) -> None:
        """Connect again, within a second."""
        self._wanted = True

    # ------------------------------------------------------------ connecting

    async def _connect(self, action: Connect) -> Signal:
        while not self._wanted and not self._client.is_closed():
            await self.wire.pace.sleep(1.0)
        if self._client.is_closed():
            return StopAsked()
        try:
            if action.resume:
                session = self._session if action.own_address else None
                own = endpoint.trusted(session.address) if session else None
                socket = await self._open(own or (await self._gate.ask()).address, resume=True)
                await socket.greet(resume=True)
                await self.wire.handlers.wait()  # what comes is read when somebody can hear it
            else:
                await self.wire.handlers.wait()  # a set-up that fails shall cost no login
                async with self._gate.turn(self.id) as turn:
                    socket = await self._open(turn.address, resume=False)
                    await turn.spend()
                    self.identifies += 1
                    await socket.greet(resume=False)
            return await self._answer(socket)
        except Lost as lost:
            return lost.signal
        except RECOVERABLE as error:
            return signal_of(error)
        except RuntimeError:
            if self._client.is_closed():  # its HTTP session is closed under this call
                return StopAsked()
            raise

    async def _open(self, address: str, *, resume: bool) -> GatewaySocket:
        """Open a WebSocket and read HELLO."""
        session = self.session
        token = opening.set(self.wire)
        try:
            coro = GatewaySocket.from_client(
                self._client,
                # discord.py's own hook would wait 5 s; the gate has seen to that already.
                initial=self.identifies == 0 or _has_default_hook(self._client),
                gateway=yarl.URL(address),
                shard_id=self._shard_id,
                session=session.session_id if session else None,
                sequence=session.sequence if session else None,
                resume=resume,
            )
            socket = await with_timeout(coro, self._ready_timeout_s)
            while socket.interval_s is None:
                await socket.poll(self._ready_timeout_s, "hello")
        except TimeoutError as error:
            raise Lost(TimedOut(waiting_for="hello")) from error
        finally:
            opening.reset(token)
        self._on_open(self)
        self.wire.reached("hello")
        step = decide(self._standing, Hello(), now_s=self.wire.pace.clock())
        self._standing = step.standing
        self._on_change()
        return socket

    async def _answer(self, socket: GatewaySocket) -> Signal:
        """Wait for READY, or for RESUMED as long as missed events go on coming."""
        clock, resuming = self.wire.pace.clock, self._standing.has_session
        until_s, replayed = clock() + self._ready_timeout_s, self.wire.replayed
        while socket.answered is None:
            left_s = until_s - clock()
            if left_s <= 0:
                raise Lost(TimedOut(waiting_for="resumed" if resuming else "ready"))
            await socket.poll(left_s, "resumed" if resuming else "ready")
            if self.wire.replayed > replayed:
                until_s, replayed = clock() + self._ready_timeout_s, self.wire.replayed
        return socket.answered

    async def _serve(self) -> Signal:
        socket = self.wire.socket
        if socket is None:
            return StopAsked()
        try:
            while True:
                await socket.poll_event()
        except Lost as lost:
            return lost.signal

    # -------------------------------------------------------------- deciding

    async def _next(self, signal: Signal, action: Action) -> Action:
        if self._client.is_closed():
            signal = StopAsked()
        before = self._standing
        step = decide(before, signal, now_s=self.wire.pace.clock())
        self._standing = step.standing
        match step.action:
            case Ignore():
                return action
            case Serve():
                self._begin_serving(signal)
                if isinstance(signal, Ready):  # nobody is to rely on a session that may be lost
                    await self.wire.journal.flush()
            case BackOff() | Hold() | Fail() | Stop():
                await self._lose(signal, before.phase)
                if not isinstance(step.action, Hold):
                    self._tell_client(before.phase)
        self._on_change()
        return step.action

    def _begin_serving(self, signal: Signal) -> None:
        socket = self.wire.socket
        if socket is None:
            return
        if isinstance(signal, Ready):
            self._session = Session(
                session_id=socket.session_id or "",
                sequence=socket.sequence,
                address=socket.address,
                shard_id=self.id,
                shard_count=self._client.shard_count,
            )
            self.wire.journal.on_session(self.id, self._session)
            self.wire.reached("identified")
            log.info("gateway.identified", shard_id=self.id)
        else:
            self.resumes += 1
            self.wire.reached("resumed")
            log.info("gateway.resumed", shard_id=self.id, replayed_events=self.wire.replayed)

    async def _lose(self, signal: Signal, phase: Phase) -> None:
        """Close what is left of the connection, and forget a session that is over."""
        self._session = self.session
        if phase in WAITING:
            return
        ended = isinstance(signal, SessionInvalid) and not signal.resumable
        await self.hang_up(1000 if ended else close_codes.KEEPING)
        if self._session is not None and not self._standing.has_session:
            self._session = None
            self._give_up_session()
        if phase is Phase.READY:
            log.info("gateway.lost", shard_id=self.id, cause=type(signal).__name__)

    def _give_up_session(self) -> None:
        """What came since the last event will not be replayed: say how much may be missing."""
        missing_s = self.wire.silence_s()
        self.wire.journal.on_session(self.id, None)
        self.wire.marks = None
        log.warning(
            "session.lost",
            shard_id=self.id,
            missing_s=None if missing_s is None else round(missing_s, 1),
        )
        self._on_lost(missing_s)

    def _tell_client(self, phase: Phase) -> None:
        """Dispatch what discord.py dispatches for a connection, or a try, that ended."""
        # A client that closed itself may have given up its loop: nothing can be scheduled then.
        if phase in WAITING or self._client.loop is discord.utils.MISSING:
            return
        self._client.dispatch("disconnect")
        if isinstance(self._client, discord.AutoShardedClient):
            self._client.dispatch("shard_disconnect", self.id)


def _has_default_hook(client: discord.Client) -> bool:
    return type(client).before_identify_hook is discord.Client.before_identify_hook
