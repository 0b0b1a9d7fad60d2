"""The watchdog process: one thread that ticks, and what stands around it.

A tick that takes longer than TICK_LIMIT_S ends the process with a stack dump (`faulthandler`, a
timer thread in C that needs no interpreter lock); supervisord starts the next watchdog, which
finds its history on disk.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

import structlog

from watchdog.assembly import guardian_of
from watchdog.guardian import Guardian
from watchdog.process.parent import Parent
from watchdog.publisher import Publisher
from watchdog.settings import WatchdogSettings
from watchdog.supervisord.rpc import SupervisordRpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.status.board import StatusBoard
    from watchdog.status.server import StatusServer

MAX_TICK_ERRORS = 20  # in a row; then the process is more use dead than alive
TICK_MARGIN_S = 5.0
CLOSE_S = 0.4  # for what is being sent; the rest stays on disk
EXIT_LIMIT_S = 0.9
MAX_STACKS_BYTES = 1024 * 1024

log = structlog.get_logger(__name__)


class Guard:
    """End the process with a stack dump unless it is armed again within *limit_s*."""

    def __init__(self, stacks: int, *, limit_s: float) -> None:
        self._stacks, self._limit_s = stacks, limit_s

    def arm(self, limit_s: float | None = None) -> None:
        """Start the time anew."""
        faulthandler.dump_traceback_later(
            self._limit_s if limit_s is None else limit_s, exit=True, file=self._stacks
        )

    def disarm(self) -> None:
        """Let the process be."""
        faulthandler.cancel_dump_traceback_later()


class Daemon:
    """Tick until told to stop."""

    def __init__(
        self,
        guardian: Guardian,
        publisher: Publisher,
        *,
        parent: Parent,
        guard: Guard,
        abort: Callable[[], None],
    ) -> None:
        self._guardian, self._publisher, self._parent = guardian, publisher, parent
        self._guard, self._abort = guard, abort
        self._stopping = False
        self._errors = 0

    def run(self) -> int:
        """Tick, wait, tick; answers the exit code."""
        with self._signals() as wakeup:
            while not self._stopping:
                began_s = time.monotonic()
                self._guard.arm()
                self._tick()
                if self._errors >= MAX_TICK_ERRORS:
                    log.critical("daemon.given_up", errors=self._errors)
                    return 1
                if self._parent.gone():
                    log.warning("daemon.orphaned", parent=self._parent.pid)
                    return 0
                self._wait(wakeup, self._guardian.wait_s() - (time.monotonic() - began_s))
        log.info("daemon.stopped")
        return 0

    def _tick(self) -> None:
        try:
            self._guardian.tick(state_writable=self._publisher.writable)
            self._publisher.publish(self._guardian)
        except Exception:
            self._errors += 1
            self._publisher.errors += 1
            log.exception("tick.failed", errors_in_a_row=self._errors)
        else:
            self._errors = 0

    def _wait(self, wakeup: socket.socket, wait_s: float) -> None:
        """Wait for a process' death, a signal, or the next tick; whichever comes first."""
        poll = select.poll()
        poll.register(wakeup, select.POLLIN)
        for death in self._guardian.death_descriptors():
            poll.register(death, select.POLLIN)
        if self._stopping or not poll.poll(max(0.0, wait_s) * 1000):
            return
        with contextlib.suppress(BlockingIOError):
            wakeup.recv(64)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Have SIGTERM and SIGINT end the loop, even one that waits."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, self._stop) for number in (15, 2)}
        try:
            yield receiver
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            receiver.close()
            sender.close()

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._stopping = True
        self._abort()


def run(settings: WatchdogSettings, *, parent_pid: int) -> int:
    """Guard the bot of this installation until SIGTERM; answers the exit code."""
    from watchdog.alerts.sender import AlertSender
    from watchdog.status.board import STALE_AFTER_S, StatusBoard

    parent = Parent(parent_pid)
    # A tick may take as long as its guard allows; only after that is what it said too old.
    board = StatusBoard(stale_after_s=max(STALE_AFTER_S, settings.tick_limit_s + TICK_MARGIN_S))
    with contextlib.ExitStack() as stack:
        guard = stack.enter_context(guarded(settings))
        rpc = SupervisordRpc(
            settings.state_dir / "supervisor.sock",
            timeout_s=min(settings.supervisor_timeout_s, settings.tick_limit_s / 2),
            before_call=guard.arm,
        )
        sender = AlertSender(settings)
        sender.start()
        stack.callback(sender.stop, CLOSE_S)
        server = _status_server(board, settings)
        server.start()
        stack.callback(server.stop, CLOSE_S)
        guardian = guardian_of(settings, rpc, offer=sender.offer)
        for keeper in guardian.keepers:
            stack.callback(keeper.tools.probe.release)
        publisher = Publisher(
            settings.state_dir / "status.json",
            publish=board.publish,
            healthy=sender.healthy,
            alert_counters=sender.snapshot,
        )
        daemon = Daemon(guardian, publisher, parent=parent, guard=guard, abort=rpc.abort)
        log.info("daemon.started", pid=os.getpid(), parent=parent.pid)
        code = daemon.run()
        # What is left is closing; a thread that would not end must not keep the process.
        guard.arm(EXIT_LIMIT_S)
    return code


def _status_server(board: StatusBoard, settings: WatchdogSettings) -> StatusServer:
    from watchdog.status.hosts import Hosts
    from watchdog.status.server import StatusServer

    return StatusServer(
        board,
        settings.http_host,
        settings.http_port,
        hosts=Hosts.of(settings.http_host, settings.http_allowed_hosts),
        retry_interval_s=settings.http_retry_s,
    )


@contextlib.contextmanager
def guarded(settings: WatchdogSettings) -> Iterator[Guard]:
    """Answer a guard that dumps into `logs/watchdog.stacks.log`."""
    path = settings.log_dir / "watchdog.stacks.log"
    is_long = path.exists() and path.stat().st_size > MAX_STACKS_BYTES
    with open(path, "wb" if is_long else "ab", opener=_private) as stacks:
        faulthandler.enable(stacks.fileno())
        # Armed at every tick and before every call, so it must outlast one wait, or one call.
        limit_s = settings.tick_limit_s + settings.poll_interval_s
        guard = Guard(stacks.fileno(), limit_s=limit_s)
        try:
            yield guard
        finally:
            guard.disarm()
            faulthandler.disable()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
