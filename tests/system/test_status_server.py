"""HTTP is beside the point: nothing that happens to it changes how the bot is judged."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Make, Measured
from tests.system.fault_rows import fault
from tests.system.faulty_bot import exists, time_to_answer
from tests.system.installation import Installation, until
from tests.system.roles import wait_leader, wait_spare
from watchdog.health.verdict import SERVING

pytestmark = pytest.mark.slow  # both break a bot and wait for the next one besides

RETRY_S = 3
PATIENCE_S = 5.0
HASTY_CLIENTS, SLOW_CLIENTS = 4, 200
GROWTH_BYTES = 16 * 1024 * 1024
REQUESTS = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in ("/", "/healthz")]


@fault(
    77,
    "port in use",
    answer="judged and served without HTTP, told once, tried again every `HTTP_RETRY_S` (30 s; 3 s"
    " in the test)",
)
def test_fault_77_port_in_use(make_installation: Make) -> None:
    """Whoever holds the port keeps people from looking, and nobody from serving."""
    installation = make_installation(HTTP_RETRY_S=RETRY_S)
    installation.start_simulator()
    with socket.create_server(("127.0.0.1", installation.http_port)):
        installation.start_supervisord()
        pid = wait_leader(installation).pid
        wait_spare(installation)
        until(lambda: serving_pid(installation) == pid, "it is judged")
        time_to_answer(installation, lambda: installation.kill(pid))
        wait_leader(installation, not_pid=pid)
        until(lambda: len(installation.records("incidents.jsonl")) == 2, "it is on record")
        assert report(installation)["restarts"]["in_window"] == 1
        time.sleep(RETRY_S)  # at least one more try in vain
        assert installation.program_pid("watchdog") is not None

    until(lambda: installation.healthz()[0] == 200, "it has the port", within_s=RETRY_S + 10)
    told = [
        record
        for record in installation.records("watchdog.jsonl")
        if record["event"] == "http.port_unavailable"
    ]
    assert [(record["reason"], record["port"], record["retry_in_s"]) for record in told] == [
        ("EADDRINUSE", installation.http_port, RETRY_S)
    ]


def report(installation: Installation) -> dict[str, Any]:
    """Answer what the watchdog judged last, from disk."""
    path = installation.state / "status.json"
    return dict(json.loads(path.read_bytes())) if path.exists() else {}


def serving_pid(installation: Installation) -> int | None:
    """Answer the pid of the bot that is judged to serve, None when none is."""
    judged = report(installation)
    return judged["bot_pid"] if judged.get("verdict") in SERVING else None


class Flood:
    """Clients that ask without a pause, that send garbage, and that hardly send at all."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._random = random.Random(78)
        self.answered = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[Flood]:
        """Flood until the block ends."""
        tasks = [self._ask] * HASTY_CLIENTS + [self._send_garbage, self._drip]
        threads = [threading.Thread(target=task, daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(PATIENCE_S)

    def _ask(self) -> None:
        while not self._over.is_set():
            for request in REQUESTS:
                with contextlib.suppress(OSError):  # its place was needed
                    self.answered += self._exchange(request.encode()).startswith(b"HTTP/1.1 200")

    def _send_garbage(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                self._exchange(self._random.randbytes(self._random.randrange(1, 64 * 1024)))

    def _drip(self) -> None:
        """Hold many connections, each with a request that comes a byte at a time."""
        held: list[socket.socket] = []
        while not self._over.wait(0.1):
            with contextlib.suppress(OSError):
                while len(held) < SLOW_CLIENTS:
                    held.append(self._connect())
            for client in list(held):
                try:
                    client.send(b"G")
                except OSError:
                    client.close()
                    held.remove(client)
        for client in held:
            client.close()

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=1)

    def _exchange(self, sent: bytes) -> bytes:
        with self._connect() as client:
            client.sendall(sent)
            return client.recv(65536)


def resident_bytes(pid: int) -> int:
    """Answer the resident memory of *pid*."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@fault(
    78,
    "HTTP flood, slow clients, garbage requests",
    answer="a hang is found as fast as ever; memory, connections and threads of the watchdog are"
    " bounded",
    within_s=3.0,
)
def test_fault_78_http_flood(running: Installation, measured: Measured) -> None:
    """Clients get what time is left, in one thread and a bounded number of places."""
    pid = running.bot_pid()
    wait_spare(running)
    watchdog = running.watchdog_pid()
    before_bytes, threads = resident_bytes(watchdog), len(os.listdir(f"/proc/{watchdog}/task"))
    with Flood(running.http_port).running() as flood:
        until(lambda: flood.answered >= 200, "some of the flood is answered")
        took_s = time_to_answer(running, lambda: running.kill(pid, signal.SIGSTOP))
        answered = flood.answered
        until(lambda: flood.answered >= answered + 100, "the flood goes on")
        open_files = len(os.listdir(f"/proc/{watchdog}/fd"))
        grown_bytes = resident_bytes(watchdog) - before_bytes

    assert not exists(running, pid)
    assert len(os.listdir(f"/proc/{watchdog}/task")) == threads
    assert open_files < 64 + 40  # connections of the server, and what it has open anyway
    assert grown_bytes < GROWTH_BYTES
    running.wait_ready(not_pid=pid)
    health = running.healthz()[1]
    assert health["counters"]["tick_errors"] == 0
    assert health["restarts"]["in_window"] == 1
    measured(took_s)
