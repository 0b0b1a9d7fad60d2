"""The status server: a thread that shows what the board says, and gets its port when it can."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate

import structlog

from watchdog.health.verdict import StatusReport
from watchdog.heartbeat import identity
from watchdog.heartbeat.schema import Heartbeat
from watchdog.status import metrics
from watchdog.status.answer import answer, refused, to_bytes
from watchdog.status.board import StatusBoard
from watchdog.status.connections import Connections
from watchdog.status.hosts import Hosts
from watchdog.status.report import beat_of
from watchdog.status.request import Refusal, Request, Status
from watchdog.status.view import View, compose

RETRY_INTERVAL_S = 30.0
TURN_S = 5.0
REST_FROM_S = 0.001
REST_UP_TO_S = 0.1

log = structlog.get_logger(__name__)


class StatusServer:
    """Serve *board* on *host*:*port*; a port in use is asked for again every *retry_interval_s*.

    Args:
        hosts: The names it answers to; by default those that follow from *host*.
    """

    def __init__(
        self,
        board: StatusBoard,
        host: str,
        port: int,
        *,
        hosts: Hosts | None = None,
        retry_interval_s: float = RETRY_INTERVAL_S,
        connections: Callable[..., Connections] = Connections,
    ) -> None:
        self._board, self._host, self._port = board, host, port
        self._hosts = hosts or Hosts.of(host)
        self._retry_interval_s, self._make_connections = retry_interval_s, connections
        self._connections: Connections | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: str | None = None
        self._decoded: tuple[StatusReport | None, Heartbeat | None] = (None, None)
        self.port: int | None = None  # the one that is served, None while there is none

    def start(self) -> None:
        """Begin; whether there is a port shows later and never raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="status-server", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End within *timeout_s*; answers under way are cut off."""
        self._stopping.set()
        connections = self._connections
        if connections is not None:
            connections.wake()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def respond(self, request: Request | Refusal) -> bytes:
        """Answer *request* as bytes; a bug in what renders becomes a 500, not the server's end."""
        if isinstance(request, Request) and not self._hosts.admits(request.host):
            request = Refusal(status=Status.MISDIRECTED_REQUEST)
        date = formatdate(usegmt=True)
        with_body = request.with_body if isinstance(request, Request) else True
        try:
            response = answer(request, self._view(), metrics=metrics.text)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            log.exception("http.render_failed")
            response = refused(Status.INTERNAL_SERVER_ERROR)
        return to_bytes(response, date=date, with_body=with_body)

    def _view(self) -> View:
        posted = self._board.posted()
        report = posted.report if posted is not None else None
        if report is not self._decoded[0]:  # once a report, not once a request
            self._decoded = (report, beat_of(report) if report is not None else None)
        return compose(
            *self._decoded,
            live=self._board.is_live(),
            report_age_s=posted.age_s if posted is not None else None,
            now_at=datetime.now(UTC),
            monotonic_s=time.monotonic(),
            boot_id=identity.boot_id(),
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            listener = self._listen()
            if listener is None:
                self._stopping.wait(self._retry_interval_s)
                continue
            connections = self._make_connections(listener, self.respond)
            self._connections = connections
            self.port = listener.getsockname()[1]
            try:
                self._serve(connections)
            except OSError as error:  # of the listener or the selector: both are made anew
                self._tell_failure(error)
                self._stopping.wait(REST_UP_TO_S)
            finally:
                self.port = self._connections = None
                connections.close()

    def _serve(self, connections: Connections) -> None:
        while not self._stopping.is_set():
            began_s = time.thread_time()
            connections.turn(TURN_S)
            worked_s = time.thread_time() - began_s
            if worked_s >= REST_FROM_S:  # a flood gets half of one thread's time, not more
                self._stopping.wait(min(worked_s, REST_UP_TO_S))

    def _listen(self) -> socket.socket | None:
        """Answer a listening socket, None when there is no getting one; told once for each why."""
        try:
            found = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            # A name such as localhost may have both; IPv4 is what people type.
            family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
            listener = socket.create_server(address[:2], family=family, backlog=128)
        except OSError as error:
            self._tell_failure(error)
            return None
        log.info("http.started", host=self._host, port=listener.getsockname()[1])
        self._told = None
        return listener

    def _tell_failure(self, error: OSError) -> None:
        reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        if reason == self._told:
            return
        self._told = reason
        log.warning(
            "http.port_unavailable",
            host=self._host,
            port=self._port,
            reason=reason,
            meaning=os.strerror(error.errno) if error.errno else str(error),
            retry_in_s=self._retry_interval_s,
            advice="The watchdog goes on without HTTP. End what uses the port, or set HTTP_PORT.",
        )
