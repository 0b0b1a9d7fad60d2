"""Faults of the simulator's REST, and ports that close."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp
import pytest

from simulator.server import Simulator
from tests.integration.simulator_wire import TOKEN, Dialer

_AUTH = {"Authorization": f"Bot {TOKEN}"}


async def _get(
    simulator: Simulator, session: aiohttp.ClientSession, path: str = "/users/@me"
) -> tuple[int, dict[str, str], Any]:
    async with session.get(simulator.api_url + path, headers=_AUTH) as response:
        text = await response.text()
        is_json = response.headers.get("Content-Type") == "application/json"
        return response.status, dict(response.headers), json.loads(text) if is_json else text


@pytest.mark.parametrize(
    ("name", "status", "scope"),
    [
        pytest.param("global_429", 429, "global", id="global"),
        pytest.param("route_429", 429, "user", id="route"),
        pytest.param("login_429", 429, "user", id="login"),
    ],
)
async def test_a_rate_limit_carries_the_documented_headers(
    simulator: Simulator,
    session: aiohttp.ClientSession,
    name: str,
    status: int,
    scope: str,
) -> None:
    """Via, Retry-After, scope, and retry_after with global in JSON."""
    await simulator.driver.fault(name, {"retry_after_s": 1.5, "times": 1})
    got, headers, body = await _get(simulator, session)
    after, _, _ = await _get(simulator, session)

    assert (got, after) == (status, 200)
    assert headers["Via"]
    assert (headers["Retry-After"], headers["X-RateLimit-Scope"]) == ("2", scope)
    assert (body["retry_after"], body["global"]) == (1.5, scope == "global")
    assert ("X-RateLimit-Global" in headers) == (scope == "global")


async def test_a_ban_by_cloudflare_is_a_page_without_via(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """HTML, Retry-After, and nothing of Discord's own."""
    await simulator.driver.fault("cloudflare_ban", {"retry_after_s": 900})
    status, headers, body = await _get(simulator, session)

    assert (status, headers["Retry-After"], "Via" in headers) == (429, "900", False)
    assert headers["Content-Type"].startswith("text/html")
    assert "1015" in body


async def test_requests_that_match_fail_and_others_do_not(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """`path`, `method` and `times` choose."""
    await simulator.driver.fault("fail_rest", {"status": 503, "path": "/gateway*", "times": 1})
    other, _, _ = await _get(simulator, session)
    first, _, _ = await _get(simulator, session, "/gateway/bot")
    second, _, _ = await _get(simulator, session, "/gateway/bot")

    assert (other, first, second) == (200, 503, 200)


async def test_slow_answers_wait(simulator: Simulator, session: aiohttp.ClientSession) -> None:
    """The request is taken at once and answered late."""
    await simulator.driver.fault("slow_rest", {"delay_s": 0.2})
    began_s = time.monotonic()
    status, _, _ = await _get(simulator, session)

    assert status == 200
    assert time.monotonic() - began_s >= 0.2


@pytest.mark.parametrize(
    ("when", "sent"),
    [pytest.param("before", 0, id="not executed"), pytest.param("after", 1, id="executed")],
)
async def test_a_request_can_be_reset_before_and_after_it_took_effect(
    simulator: Simulator, session: aiohttp.ClientSession, when: str, sent: int
) -> None:
    """The worst of a network: it happened, and nobody says so."""
    await simulator.driver.fault("drop_rest", {"when": when, "times": 1, "method": "POST"})
    channel = simulator.world.channel("general")
    url = f"{simulator.api_url}/channels/{channel.id}/messages"
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await session.post(url, json={"content": "once"}, headers=_AUTH)

    assert len(await simulator.driver.messages()) == sent


async def test_a_bucket_that_is_really_kept_answers_429_when_empty(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """X-RateLimit-* count down; the request past the limit is refused."""
    await simulator.driver.fault("bucket_limit", {"limit": 2, "window_s": 30, "path": "/users/*"})
    answers = [await _get(simulator, session) for _ in range(3)]

    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert [headers["X-RateLimit-Remaining"] for _, headers, _ in answers] == ["1", "0", "0"]
    assert len({headers["X-RateLimit-Bucket"] for _, headers, _ in answers}) == 1


async def test_a_wrong_token_is_401_and_counts_towards_the_ban(
    session: aiohttp.ClientSession,
) -> None:
    """Too many invalid requests, and the address is banned."""
    async with Simulator(invalid_limit=3) as simulator:
        await simulator.driver.fault("wrong_token")
        refused = [(await _get(simulator, session))[0] for _ in range(3)]
        status, headers, _ = await _get(simulator, session)

    assert refused == [401, 401, 401]
    assert (status, "Via" in headers) == (429, False)


async def test_the_portal_shows_spent_identifies(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """session_start_limit.remaining is 0 until reset_after."""
    await simulator.driver.fault("identifies_spent", {"reset_after_s": 60})
    _, _, body = await _get(simulator, session, "/gateway/bot")
    limit = body["session_start_limit"]

    assert limit["remaining"] == 0
    assert 50_000 < limit["reset_after"] <= 60_000


@pytest.mark.parametrize(
    ("scope", "rest_works", "gateway_works"),
    [
        pytest.param("rest", False, True, id="rest only"),
        pytest.param("gateway", True, False, id="gateway only"),
        pytest.param("all", False, False, id="both"),
    ],
)
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_connections_are_refused_where_the_scope_says(
    simulator: Simulator,
    session: aiohttp.ClientSession,
    scope: str,
    how: str,
    rest_works: bool,
    gateway_works: bool,
) -> None:
    """Ports close for real, kept-alive connections are reset, and all of it heals."""
    await _get(simulator, session)  # leaves a connection that is kept alive
    await simulator.driver.fault("refuse", {"scope": scope, "how": how})

    assert await _works(_get(simulator, session)) == rest_works
    assert await _works(Dialer(simulator, session).dial()) == gateway_works

    await simulator.driver.clear_fault("refuse")

    assert await _works(_get(simulator, session))
    assert await _works(Dialer(simulator, session).dial())


async def _works(attempt: Any) -> bool:
    try:
        await attempt
    except (aiohttp.ClientError, ConnectionError):
        return False
    return True


async def test_a_closed_port_opens_by_itself_after_for_s(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    """A fault can end on its own."""
    await simulator.driver.fault("refuse", {"scope": "rest", "for_s": 0.2})
    refused = not await _works(_get(simulator, session))
    deadline_s = time.monotonic() + 5
    healed = False
    while not healed and time.monotonic() < deadline_s:
        healed = await _works(_get(simulator, session))

    assert (refused, healed) == (True, True)
