"""The status server over real sockets: floods, slow clients, garbage, a port in use."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import orjson
import pytest

from tests.integration.log_capture import captured
from tests.integration.webhook_stand_in import until
from tests.ports import free_port
from tests.unit.status_reports import report
from watchdog.status import server as server_module
from watchdog.status.board import StatusBoard
from watchdog.status.connections import MAX_CONNECTIONS, Connections
from watchdog.status.hosts import Hosts
from watchdog.status.request import MAX_HEAD_BYTES
from watchdog.status.server import StatusServer


@contextmanager
def serving(board: StatusBoard | None = None, **options: Any) -> Iterator[int]:
    """Run a server with a healthy report and answer its port."""
    if board is None:
        board = StatusBoard(stale_after_s=600.0)
        board.publish(report())
    server = StatusServer(board, "127.0.0.1", 0, **options)
    server.start()
    try:
        assert until(lambda: server.port is not None)
        yield server.port or 0
    finally:
        server.stop(5.0)


def get(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def raw(port: int, sent: bytes, *, timeout_s: float = 20.0) -> bytes:
    """Answer all that comes back for *sent*."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as client:
        client.sendall(sent)
        received = b""
        while part := client.recv(65536):
            received += part
        return received


@pytest.mark.parametrize(
    ("path", "status", "start"),
    [
        pytest.param("/", 200, b"<!doctype html>", id="page"),
        pytest.param("/healthz", 200, b"{", id="healthz"),
        pytest.param("/readyz?verbose", 200, b"{", id="readyz"),
        pytest.param("/livez", 200, b"{", id="livez"),
        pytest.param("/metrics", 200, b"# HELP novera_up", id="metrics"),
        pytest.param("/nothing", 404, b"{", id="unknown"),
    ],
)
def test_every_path_is_served(path: str, status: int, start: bytes) -> None:
    """Over a real connection, with the length that was announced."""
    with serving() as port:
        found_status, body = get(port, path)

    assert found_status == status
    assert body.startswith(start)


def test_what_is_shown_follows_the_board() -> None:
    """A report is on all paths as soon as it is published."""
    board = StatusBoard()
    with serving(board) as port:
        before = get(port, "/healthz")
        board.publish(report(verdict="held", reason="budget_spent", advice="Mend it."))
        after = get(port, "/healthz")

    assert (before[0], orjson.loads(before[1])["reason"]) == (503, "first_look")
    assert (after[0], orjson.loads(after[1])["advice"]) == (503, "Mend it.")


def test_a_judging_thread_that_hangs_is_not_live() -> None:
    """The server's thread answers, and says that nobody judges any more."""
    board = StatusBoard(stale_after_s=0.0)
    board.publish(report())
    with serving(board) as port:
        time.sleep(0.05)

        assert get(port, "/livez")[0] == 503
        assert get(port, "/healthz")[0] == 503


def test_head_is_answered_without_a_body() -> None:
    """The length is that of GET."""
    with serving() as port:
        found = raw(port, b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    assert found.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/livez", "/nothing"])
def test_a_name_that_is_made_to_point_here_reads_nothing(path: str) -> None:
    """DNS rebinding: a page elsewhere asks under its own name, and is told nothing at all."""
    with serving() as port:
        request = f"GET {path} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"
        found = raw(port, request.encode())

    assert found.startswith(b"HTTP/1.1 421 Misdirected Request\r\n")
    assert found.endswith(b'{\n  "error": "misdirected_request"\n}\n')


def test_a_name_that_is_allowed_is_answered() -> None:
    """The one of a proxy in front, by HTTP_ALLOWED_HOSTS."""
    hosts = Hosts.of("127.0.0.1", ["status.example"])
    with serving(hosts=hosts) as port:
        found = raw(port, b"GET /livez HTTP/1.1\r\nHost: status.example\r\n\r\n")

    assert found.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/nothing"])
def test_no_page_elsewhere_may_read_or_embed_an_answer(path: str) -> None:
    """The headers that browsers go by; and no word that would lift them (CORS)."""
    with serving() as port:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n"
        head = raw(port, request.encode()).partition(b"\r\n\r\n")[0].decode().lower()
        preflight = raw(port, b"OPTIONS / HTTP/1.1\r\nOrigin: https://evil.example\r\n\r\n")

    assert "content-security-policy: default-src 'none'" in head
    assert "x-content-type-options: nosniff" in head
    assert "referrer-policy: no-referrer" in head
    assert "cross-origin-resource-policy: same-origin" in head
    assert "cache-control: no-store" in head
    assert "access-control" not in head
    assert preflight.startswith(b"HTTP/1.1 405 ")
    assert b"access-control" not in preflight.lower()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", b"405", id="post"),
        pytest.param(b"DELETE /livez HTTP/1.1\r\n\r\n", b"405", id="delete"),
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", b"400", id="tls"),
        pytest.param(b"\x00" * 100 + b"\n\n", b"400", id="zeros"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000, b"431", id="endless_header"),
        pytest.param(b"A" * 100_000, b"431", id="endless_line"),
        pytest.param(b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n\r\n", b"414", id="long_path"),
        pytest.param(b"GET / HTTP/3\r\n\r\n", b"400", id="another_version"),
    ],
)
def test_garbage_is_refused_in_words(sent: bytes, status: bytes) -> None:
    """Each gets its status as JSON, even with input left unread."""
    with serving() as port:
        found = raw(port, sent)

    assert found.split(b" ")[1] == status
    assert b'"error"' in found


def test_a_flood_is_answered_by_one_thread() -> None:
    """200 requests, 50 at a time: all are served, and no thread is added for them."""
    with serving() as port, ThreadPoolExecutor(50) as clients:
        before = {thread.name for thread in threading.enumerate()}
        paths = ["/", "/healthz", "/livez", "/metrics"] * 50
        found = list(clients.map(partial(get, port), paths))
        servers = [each for each in threading.enumerate() if each.name == "status-server"]

    assert [status for status, _ in found] == [200] * 200
    assert len(servers) == 1
    assert "status-server" in before


def test_a_flood_leaves_the_judging_thread_its_time() -> None:
    """While clients hammer the page, another thread goes on publishing every 20 ms or so."""
    board = StatusBoard()
    board.publish(report())
    with serving(board) as port, ThreadPoolExecutor(8) as clients:
        stop = threading.Event()

        def hammer() -> None:
            while not stop.is_set():
                get(port, "/")

        futures = [clients.submit(hammer) for _ in range(8)]
        published = 0
        until_s = time.monotonic() + 0.5
        while time.monotonic() < until_s:
            board.publish(report())
            published += 1
            time.sleep(0.02)
        stop.set()
        for future in futures:
            future.result(timeout=20)

    assert published >= 4


def test_slow_clients_cannot_keep_others_out() -> None:
    """More clients than there are places send a byte and wait: the next one is served at once."""
    with serving() as port, ExitStack() as stack:
        for _ in range(3 * MAX_CONNECTIONS):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            slow.sendall(b"G")

        assert get(port, "/livez")[0] == 200


def test_the_number_of_connections_is_bounded() -> None:
    """The oldest that has asked nothing is closed for the newest."""
    made: list[Connections] = []

    def few(*args: Any) -> Connections:
        made.append(Connections(*args, max_connections=5))
        return made[-1]

    with serving(connections=few) as port, ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(20)
        ]
        first_is_closed = clients[0].recv(1) == b""

        assert first_is_closed
        assert until(lambda: len(made[0]) == 5)


def test_a_client_that_says_nothing_is_closed() -> None:
    """Its time is up, whether it drips or is silent."""
    quick = partial(Connections, head_timeout_s=0.2)
    with (
        serving(connections=quick) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as silent,
    ):
        silent.sendall(b"GET / HTTP/1.1\r\n")

        assert silent.recv(1) == b""


def test_a_client_that_drips_has_the_same_time() -> None:
    """Every byte would start a socket's own timeout anew; the deadline stays."""
    quick = partial(Connections, head_timeout_s=0.2)
    with serving(connections=quick) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=0.02) as drip:
            dripped = 0
            while not _is_closed(drip) and dripped < MAX_HEAD_BYTES:
                drip.sendall(b"a")
                dripped += 1

        assert 0 < dripped < MAX_HEAD_BYTES


def _is_closed(client: socket.socket) -> bool:
    """Wait a moment, and answer whether the other side has closed meanwhile."""
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_clients_that_go_away_leave_nothing() -> None:
    """Reset in mid-request or after it: the place is free again."""
    made: list[Connections] = []

    def kept(*args: Any) -> Connections:
        made.append(Connections(*args))
        return made[-1]

    with serving(connections=kept) as port:
        for sent in (b"", b"GET", b"GET / HTTP/1.1\r\n\r\n") * 20:
            client = socket.create_connection(("127.0.0.1", port), timeout=20)
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # close with a reset
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.sendall(sent)
            client.close()

        assert get(port, "/livez")[0] == 200
        assert until(lambda: len(made[0]) == 0)


def test_a_port_in_use_is_taken_as_soon_as_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once, tried again and again, and served in the end."""
    logs = captured(monkeypatch, server_module)
    port = free_port()
    board = StatusBoard()
    server = StatusServer(board, "127.0.0.1", port, retry_interval_s=0.05)
    with socket.create_server(("127.0.0.1", port)):
        server.start()
        assert until(lambda: any(line["event"] == "http.port_unavailable" for line in logs))
        time.sleep(0.15)  # it tries again, and says no more
    assert until(lambda: server.port == port)
    assert get(port, "/livez")[0] == 200
    server.stop(5.0)

    told = [line for line in logs if line["event"] == "http.port_unavailable"]
    assert len(told) == 1
    assert (told[0]["reason"], told[0]["port"]) == ("EADDRINUSE", port)
    assert "HTTP_PORT" in told[0]["advice"]


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("no.such.host.invalid", id="no_such_name"),
        pytest.param("192.0.2.1", id="not_our_address"),
    ],
)
def test_an_address_that_is_not_ours_ends_nothing(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog goes on without HTTP."""
    logs = captured(monkeypatch, server_module)
    server = StatusServer(StatusBoard(), host, free_port(), retry_interval_s=60.0)
    server.start()
    assert until(lambda: len(logs) == 1)
    server.stop(10.0)

    assert logs[0]["event"] == "http.port_unavailable"


def test_a_stop_is_quick_and_frees_the_port() -> None:
    """Even with clients that are connected and silent."""
    board = StatusBoard()
    server = StatusServer(board, "127.0.0.1", free_port())
    server.start()
    assert until(lambda: server.port is not None)
    port = server.port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=20):
        began_s = time.monotonic()
        server.stop(10.0)
        took_s = time.monotonic() - began_s

    assert took_s < 5
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_bug_in_rendering_is_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """One page that can't be made does not take the others with it."""

    def broken(_: object) -> str:
        raise KeyError("bug")

    monkeypatch.setattr("watchdog.status.page.render", broken)
    logs = captured(monkeypatch, server_module)
    with serving() as port:
        page, health = get(port, "/"), get(port, "/healthz")

    assert (page[0], health[0]) == (500, 200)
    assert b"bug" not in page[1]
    assert any(line["event"] == "http.render_failed" for line in logs)
