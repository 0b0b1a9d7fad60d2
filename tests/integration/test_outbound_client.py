"""The outbound client against real servers on loopback: slow, failing, greedy, dead."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import logging
import resource
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog
from aiohttp import web

from bot.outbound.addresses import networks
from bot.outbound.breaker import BreakerPolicy
from bot.outbound.client import OutboundClient
from bot.outbound.errors import (
    AddressRefusedError,
    CircuitOpenError,
    ConnectionFailedError,
    OutboundTimeoutError,
    ResponseStatusError,
    ResponseTooLargeError,
)
from tests.fakes import FakeClock
from tests.ports import free_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MIB = 1024 * 1024
LOOPBACK = networks(["127.0.0.0/8"])


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, port: int = 0, host: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """Serve every path and method by *handler*; answer the base address."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Script:
    """Answer request after request as scripted, the last answer for ever; keep what came."""

    def __init__(self, *answers: web.Response | int) -> None:
        self._answers = list(answers)
        self.requests: list[web.Request] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, int):
            return web.Response(status=answer, text=f"attempt {len(self.requests)}")
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    async with OutboundClient(reachable=LOOPBACK, backoff_s=0.01) as made:
        yield made


async def test_a_call_brings_the_whole_answer(client: OutboundClient) -> None:
    """Status, headers in lower case, body; parameters, JSON and headers go along."""

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "query": request.query_string,
                "body": await request.json(),
                "key": request.headers["X-Key"],
                "agent": request.headers["User-Agent"],
            },
            headers={"X-Answer": "yes"},
        )

    async with serving(echo) as url:
        response = await client.request(
            "post", f"{url}/a", params={"q": "1"}, json={"b": 2}, headers={"X-Key": "k"}
        )

    assert response.status == 200
    assert response.headers["x-answer"] == "yes"
    assert response.json() == {"query": "q=1", "body": {"b": 2}, "key": "k", "agent": "novera"}


async def test_a_500_is_tried_again(client: OutboundClient) -> None:
    """The second attempt's answer is the call's."""
    script = Script(500, 200)
    async with serving(script) as url:
        response = await client.request("GET", url)
        host = client.snapshot()[url]

    assert response.text() == "attempt 2"
    assert (host.requests, host.failed, host.retried) == (2, 1, 1)


async def test_a_post_is_sent_once_unless_asked_otherwise(client: OutboundClient) -> None:
    """Its second sending might do a thing twice."""
    script = Script(500)
    async with serving(script) as url:
        with pytest.raises(ResponseStatusError):
            await client.request("POST", url)
        once = len(script.requests)
        with pytest.raises(ResponseStatusError):
            await client.request("POST", url, idempotent=True, retries=1)

    assert once == 1
    assert len(script.requests) == 3


async def test_attempts_are_limited(client: OutboundClient) -> None:
    """The last error is the call's."""
    script = Script(503)
    async with serving(script) as url:
        with pytest.raises(ResponseStatusError) as failed:
            await client.request("GET", url, retries=2)
        host = client.snapshot()[url]

    assert (host.requests, host.failed, host.retried) == (3, 3, 2)
    assert failed.value.status == 503
    assert len(script.requests) == 3


async def test_retry_after_is_honoured(client: OutboundClient) -> None:
    """The host says when; nobody asks sooner."""
    script = Script(web.Response(status=429, headers={"Retry-After": "0.2"}), 200)
    loop = asyncio.get_running_loop()
    async with serving(script) as url:
        began_s = loop.time()
        response = await client.request("GET", url)

    assert response.status == 200
    assert loop.time() - began_s >= 0.2


async def test_a_wait_past_the_total_time_is_not_begun(client: OutboundClient) -> None:
    """The answer comes at once: the host asks for more time than there is."""
    script = Script(web.Response(status=429, headers={"Retry-After": "3600"}))
    async with serving(script) as url:
        with pytest.raises(ResponseStatusError) as failed:
            await client.request("GET", url, timeout_s=30.0)

    assert (failed.value.status, failed.value.retry_after_s) == (429, 3600.0)
    assert len(script.requests) == 1


async def test_the_total_time_covers_all_attempts(client: OutboundClient) -> None:
    """A server that never answers costs no more than the limit."""

    async def never(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    loop = asyncio.get_running_loop()
    async with serving(never) as url:
        began_s = loop.time()
        with pytest.raises(OutboundTimeoutError):
            await client.request("GET", url, timeout_s=0.2, retries=5)
        took_s = loop.time() - began_s
        host = client.snapshot()[url]

    assert 0.2 <= took_s < 10.0
    assert (host.requests, host.failed) == (1, 1)


async def test_a_body_that_trickles_is_ended_by_the_total_time(client: OutboundClient) -> None:
    """A byte now and then does not keep a call alive."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await response.write(b".")
                await asyncio.sleep(0.05)
        return response

    async with serving(trickle) as url:
        with pytest.raises(TimeoutError):
            await client.request("GET", url, timeout_s=0.2)


@pytest.mark.parametrize("tells_length", [True, False])
async def test_a_huge_body_is_refused(client: OutboundClient, tells_length: bool) -> None:
    """Whether its length is told or not, and without reading it to its end."""
    sent = 0

    async def huge(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        if tells_length:
            response.content_length = 1024 * MIB
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1024):
                await response.write(b"x" * MIB)
                sent += MIB
        return response

    async with serving(huge) as url:
        with pytest.raises(ResponseTooLargeError):
            await client.request("GET", url, max_bytes=2 * MIB)
        host = client.snapshot()[url]

    assert sent < 64 * MIB
    assert (host.failed, host.breaker) == (1, "closed")


async def test_a_body_of_exactly_the_limit_passes(client: OutboundClient) -> None:
    """The limit is the last length allowed."""
    async with serving(Script(web.Response(body=b"x" * 1000))) as url:
        response = await client.request("GET", url, max_bytes=1000)

    assert len(response.body) == 1000


async def test_a_zip_bomb_is_refused_before_it_unfolds(client: OutboundClient) -> None:
    """A few kilobytes that become hundreds of megabytes are cut at the limit."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as bomb:
        for _ in range(128):
            bomb.write(b"\0" * MIB)
    answer = web.Response(body=packed.getvalue(), headers={"Content-Encoding": "gzip"})
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async with serving(Script(answer)) as url:
        with pytest.raises(ResponseTooLargeError):
            await client.request("GET", url, max_bytes=MIB)

    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 100 * 1024


async def test_a_dead_host_opens_its_breaker_and_recovers() -> None:
    """Refused at once while open; one probe finds the host back, and all is as before."""
    clock, port = FakeClock(), free_port()
    url = f"http://127.0.0.1:{port}"
    policy = BreakerPolicy(failures=3, open_s=10.0)
    async with OutboundClient(
        reachable=LOOPBACK, policy=policy, backoff_s=0.001, clock=clock
    ) as client:
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", url, retries=5)
        opened = client.snapshot()[url]
        with pytest.raises(CircuitOpenError) as refused:
            await client.request("GET", url)

        async with serving(Script(200), port=port):
            clock.advance(10.0)
            response = await client.request("GET", url)
        closed = client.snapshot()[url]

    assert (opened.breaker, opened.requests) == ("open", 3)
    assert refused.value.retry_after_s == 10.0
    assert response.status == 200
    assert (closed.breaker, closed.requests, closed.refused) == ("closed", 4, 1)


async def test_a_breaker_is_of_one_host() -> None:
    """Others are called as if nothing were."""
    dead = f"http://127.0.0.1:{free_port()}"
    async with (
        OutboundClient(reachable=LOOPBACK, policy=BreakerPolicy(failures=1)) as client,
        serving(Script(200)) as u,
    ):
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", dead, retries=0)

        response = await client.request("GET", u)

    assert response.status == 200


async def test_a_cancelled_probe_does_not_lock_the_host_out() -> None:
    """The next call is the probe."""
    clock, arrived, release = FakeClock(), asyncio.Event(), asyncio.Event()
    answers: list[int] = [500]

    async def handler(request: web.Request) -> web.Response:
        if answers:
            return web.Response(status=answers.pop())
        arrived.set()
        await release.wait()
        return web.Response()

    policy = BreakerPolicy(failures=1, open_s=10.0)
    async with (
        OutboundClient(reachable=LOOPBACK, policy=policy, clock=clock) as client,
        serving(handler) as url,
    ):
        with pytest.raises(ResponseStatusError):
            await client.request("GET", url, retries=0)
        clock.advance(10.0)
        probe = asyncio.create_task(client.request("GET", url))
        await arrived.wait()
        probing = client.snapshot()[url].breaker
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        release.set()

        response = await client.request("GET", url)

    assert probing == "half_open"
    assert response.status == 200


async def test_redirects_are_not_followed_unless_asked(client: OutboundClient) -> None:
    """An address a user gave must not lead to one inside the network."""
    script = Script(web.Response(status=302, headers={"Location": "/next"}), 200)
    async with serving(script) as url:
        with pytest.raises(ResponseStatusError) as refused:
            await client.request("GET", url)

    assert refused.value.status == 302
    assert len(script.requests) == 1


async def test_a_redirect_is_followed_when_asked(client: OutboundClient) -> None:
    """To another path of the same host, credentials go along; to another host they don't."""
    inner = Script(200)
    async with serving(inner) as other:
        outer = Script(
            web.Response(status=302, headers={"Location": "/next"}),
            web.Response(status=307, headers={"Location": f"{other}/there"}),
        )
        async with serving(outer) as url:
            response = await client.request(
                "GET", url, params={"q": "1"}, redirects=2, headers={"Authorization": "secret"}
            )

    assert response.status == 200
    assert [request.path_qs for request in outer.requests] == ["/?q=1", "/next"]
    assert outer.requests[1].headers["Authorization"] == "secret"
    assert "Authorization" not in inner.requests[0].headers


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("ftp://127.0.0.1/", id="ftp"),
        pytest.param("data:text/plain,x", id="data"),
    ],
)
async def test_a_redirect_to_another_scheme_is_never_followed(
    client: OutboundClient, location: str
) -> None:
    """The redirect itself is the answer."""
    script = Script(web.Response(status=302, headers={"Location": location}))
    async with serving(script) as url:
        with pytest.raises(ResponseStatusError) as refused:
            await client.request("GET", url, redirects=5)

    assert refused.value.status == 302


async def test_a_circle_of_redirects_ends(client: OutboundClient) -> None:
    """After as many as were allowed."""
    script = Script(web.Response(status=302, headers={"Location": "/again"}))
    async with serving(script) as url:
        with pytest.raises(ResponseStatusError):
            await client.request("GET", url, redirects=3)

    assert len(script.requests) == 4


async def test_any_status_is_an_answer_when_none_is_expected(client: OutboundClient) -> None:
    """The body of an error may be what the caller wants to read."""
    async with serving(Script(404)) as url:
        response = await client.request("GET", url, expect_success=False)

    assert (response.status, response.text()) == (404, "attempt 1")


async def test_a_connection_that_breaks_is_tried_again(client: OutboundClient) -> None:
    """A server that hangs up within its answer is asked once more."""
    seen = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        await reader.readuntil(b"\r\n\r\n")
        if seen == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        response = await client.request("GET", f"http://127.0.0.1:{port}/")

    assert response.body == b"ok"
    assert seen == 2


async def test_an_answer_that_is_no_http_is_a_failed_connection(client: OutboundClient) -> None:
    """Whatever listens there."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", f"http://127.0.0.1:{port}/", retries=0)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("ftp://a.example/", id="ftp"),
        pytest.param("a.example/path", id="no scheme"),
        pytest.param("", id="empty"),
    ],
)
async def test_an_address_that_is_none_is_refused(client: OutboundClient, url: str) -> None:
    """Nothing is sent."""
    with pytest.raises(AddressRefusedError):
        await client.request("GET", url)

    assert client.snapshot() == {}


async def test_a_closed_client_refuses() -> None:
    """At shutdown nobody may open a new session behind its back."""
    client = OutboundClient(reachable=LOOPBACK)
    async with client:
        pass

    with pytest.raises(AddressRefusedError):
        await client.request("GET", "http://127.0.0.1:1/")


async def test_the_session_is_made_at_the_first_call_and_closed_with_the_client() -> None:
    """A bot that calls nobody pays nothing."""
    async with OutboundClient(reachable=LOOPBACK) as client, serving(Script(200)) as url:
        before = client._session
        await client.request("GET", url)
        session = client._session

    assert before is None
    assert session is not None
    assert session.closed


async def test_no_log_line_and_no_error_holds_query_or_credentials(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Keys live in paths, in queries and in front of the @; none of them may reach a log."""
    caplog.set_level(logging.DEBUG)
    host = f"127.0.0.1:{free_port()}"
    url = f"http://user:pass-secret@{host}/path-secret?key=query-secret"
    told: list[str] = []
    with structlog.testing.capture_logs() as records:
        async with OutboundClient(
            reachable=LOOPBACK, policy=BreakerPolicy(failures=3), backoff_s=0.001
        ) as client:
            for _ in range(2):
                try:
                    await client.request("GET", url, retries=3)
                except (ConnectionFailedError, CircuitOpenError) as error:
                    # Without the lines of this test, which hold the address themselves.
                    lines = traceback.format_exception(error)
                    told += [repr(error), *(line for line in lines if __file__ not in line)]

    assert any(record["event"] == "circuit.opened" for record in records)
    assert any(host in line for line in told)
    assert "secret" not in "\n".join([*map(str, records), *told, caplog.text])


async def test_many_calls_at_once_all_end(client: OutboundClient) -> None:
    """A hundred callers share the connections."""
    async with serving(Script(200)) as url:
        responses = await asyncio.gather(*(client.request("GET", url) for _ in range(100)))
        host = client.snapshot()[url]

    assert {response.status for response in responses} == {200}
    assert (host.requests, host.failed) == (100, 0)
    assert host.p50_ms is not None


# ------------------------------------------------------- what is not the Internet


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("127.0.0.1", id="an address"),
        pytest.param("localhost", id="a name"),
        pytest.param("2130706433", id="one number"),
        pytest.param("0x7f.1", id="hexadecimal"),
        pytest.param("[::ffff:127.0.0.1]", id="mapped"),
        pytest.param("0.0.0.0", id="any"),
    ],
)
async def test_loopback_is_out_of_reach(host: str) -> None:
    """What a user names can't be a service of this machine, however it is written."""
    script = Script(200)
    async with OutboundClient() as client, serving(script) as url:
        port = url.rpartition(":")[2]
        with pytest.raises(AddressRefusedError):
            await client.request("GET", f"http://{host}:{port}/")

    assert script.requests == []


async def test_a_name_is_judged_by_the_address_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that answers another address the second time (rebinding) gains nothing."""
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    asked = []

    async def resolve(*_: object, **__: object) -> list[dict[str, object]]:
        asked.append(address := next(answers))
        found = {"hostname": "x.example", "host": address, "port": port, "proto": 6}
        return [found | {"family": socket.AF_INET, "flags": socket.AI_NUMERICHOST}]

    script = Script(200)
    async with OutboundClient(backoff_s=0.01) as client, serving(script) as url:
        port = int(url.rpartition(":")[2])
        monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
        await resolve()  # whoever checks the name first is told of a harmless address
        with pytest.raises(AddressRefusedError):
            await client.request("GET", f"http://x.example:{port}/")

    assert asked == ["93.184.216.34", "127.0.0.1"]
    assert script.requests == []


async def test_a_redirect_does_not_lead_to_a_neighbour() -> None:
    """Each hop is judged, and the answer of the first does not stand for the second."""
    inner = Script(200)
    async with (
        OutboundClient(reachable=networks(["127.0.0.1"])) as client,
        serving(inner, host="127.0.0.2") as secret_url,
        serving(Script(web.Response(status=302, headers={"Location": secret_url}))) as url,
    ):
        with pytest.raises(AddressRefusedError):
            await client.request("GET", url, redirects=3)

    assert inner.requests == []


async def test_a_refused_address_is_no_failure_of_its_host() -> None:
    """It opens no circuit: nothing was learned of the host."""
    async with OutboundClient(policy=BreakerPolicy(failures=1)) as client:
        for _ in range(3):
            with pytest.raises(AddressRefusedError):
                await client.request("GET", "http://127.0.0.1:1/")
