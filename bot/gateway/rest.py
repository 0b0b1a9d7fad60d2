"""A guard in front of discord.py's REST calls, attached to any client from outside.

- A call that is cancelled while it waits out a *global* 429 leaves discord.py's gate shut, and
  every later call hangs. The gate put in its place opens again when that wait would have ended.
- Every try has a time limit; discord.py sets none, so aiohttp's five minutes would count.
- Calls that may be repeated are tried again after a reset connection or a 503. discord.py looks for
  the reset by the numbers of Windows and macOS, and takes a 503 for final.
- Messages may be repeated too, since each carries a nonce that Discord enforces: while an event is
  handled one that comes out the same when the event is handled again.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any

import aiohttp
import structlog
from discord import DiscordServerError
from discord.http import HTTPClient, Route

from bot.effects import derivation, stamping
from bot.gateway.failures import LongRateLimitError, UnavailableError, retry_after_s, wait_in

log = structlog.get_logger(__name__)

CALL_TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 300.0
CONNECT_TIMEOUT_S = 10.0
UNSAID_S = 60.0  # after a 429 that does not say for how long
RETRY_DELAYS_S = (0.5, 1.5)
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# Set around calls of our own that had rather hear of a long wait, or of an outage, than sit it out:
# discord.py tries a 5xx again for 25 s, in which nobody could see that the bot waits for Discord.
patience: ContextVar[Callable[[], float | None]] = ContextVar("rest_patience", default=lambda: None)

Sleep = Callable[[float], Coroutine[Any, Any, None]]
NextNonce = Callable[[int], str | None]


class GlobalGate(asyncio.Event):
    """discord.py's ``_global_over``, which knows who shut it and opens when they are gone."""

    def __init__(self, *, is_open: bool) -> None:
        super().__init__()
        if is_open:
            super().set()
        self._waits: dict[asyncio.Task[Any] | None, float] = {}
        self._asked_s: dict[asyncio.Task[Any] | None, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def asked(self, wait_s: float) -> None:
        """Note how long a 429 asks the current task to wait."""
        self._asked_s[asyncio.current_task()] = wait_s

    def clear(self) -> None:
        """Shut the gate; the current task is expected to open it."""
        task = asyncio.current_task()
        until_s = asyncio.get_running_loop().time() + self._asked_s.get(task, 0.0)
        self._waits[task] = until_s
        super().clear()

    def set(self) -> None:
        """Open the gate."""
        self._waits.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().set()

    def leave(self) -> None:
        """Note that the current task's call is over, however it ended."""
        task = asyncio.current_task()
        self._asked_s.pop(task, None)
        until_s = self._waits.pop(task, None)
        if until_s is None or self.is_set() or self._waits:
            return
        loop = asyncio.get_running_loop()
        log.warning("rest.gate_left", opens_in_s=round(max(0.0, until_s - loop.time()), 3))
        self._timer = loop.call_at(until_s, self.set)


class RestGuard:
    """Stands in front of `HTTPClient.request` of one client; survives any number of logins."""

    def __init__(
        self,
        http: HTTPClient,
        *,
        sleep: Sleep = asyncio.sleep,
        next_nonce: NextNonce = lambda _channel_id: None,
    ) -> None:
        self._http, self._sleep, self._next_nonce = http, sleep, next_nonce
        self._request = http.request
        self.retries = 0

    def attach(self) -> None:
        """Take the place of `request` on this one client."""
        # The method of the instance, not of the class: discord.py itself stays as it is.
        self._http.request = self.request  # type: ignore[method-assign]

    async def request(self, route: Route, **kwargs: Any) -> Any:
        """Make one call as discord.py does, guarded."""
        uploads = bool(kwargs.get("files") or kwargs.get("form"))
        if "timeout" not in kwargs:
            kwargs["timeout"] = aiohttp.ClientTimeout(
                total=UPLOAD_TIMEOUT_S if uploads else CALL_TIMEOUT_S,
                sock_connect=CONNECT_TIMEOUT_S,
            )
        watch = _Watch(self._gate())
        kwargs["middlewares"] = (watch.observe,)
        repeatable = route.method in REPEATABLE and not uploads
        message = self._stamped(route, kwargs)
        if message is not None:
            kwargs, repeatable = message, True
        return await self._repeat(route, kwargs, watch, iter(RETRY_DELAYS_S if repeatable else ()))

    async def _repeat(
        self, route: Route, call: dict[str, Any], watch: _Watch, delays_s: Iterator[float]
    ) -> Any:
        while True:
            try:
                return await self._request(route, **call)
            except (OSError, aiohttp.ServerDisconnectedError, DiscordServerError) as error:
                delay_s = next(delays_s, None)
                if delay_s is None or not _worth_a_retry(error):
                    raise
                self.retries += 1
                log.info("rest.retried", error=type(error).__name__, delay_s=delay_s)
            finally:
                watch.gate.leave()
            await self._sleep(delay_s)
            for file in call.get("files") or ():
                file.reset()  # discord.py does so from its own second try on only

    def _stamped(self, route: Route, call: dict[str, Any]) -> dict[str, Any] | None:
        """Answer a call that posts a message with its nonce, None for any other call."""
        if (route.method, route.path) != (stamping.METHOD, stamping.PATH):
            return None
        derived = self._next_nonce(int(route.channel_id or 0))
        return stamping.stamped(call, derived=derived, make_up=_random_nonce)

    def _gate(self) -> GlobalGate:
        gate = self._http._global_over
        if not isinstance(gate, GlobalGate):
            # `static_login` makes a plain event anew at every login; there is no seam to pass one.
            gate = GlobalGate(is_open=gate.is_set())
            self._http._global_over = gate
        return gate


class _Watch:
    """Sees the answers of one call before discord.py does."""

    def __init__(self, gate: GlobalGate) -> None:
        self.gate = gate
        self._patience = patience.get()

    async def observe(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        longest_s = self._patience()
        if response.status >= 500 and longest_s is not None:
            response.close()
            raise UnavailableError(response.status)
        if response.status == 429:
            wait_s = retry_after_s(response.headers)
            if wait_s is not None:
                self.gate.asked(wait_s)
            # Without Via it is Cloudflare that answers: discord.py raises that by itself.
            if longest_s is not None and response.headers.get("Via") is not None:
                await self._check_wait(response, wait_s or 0.0, longest_s)
        return response

    async def _check_wait(
        self, response: aiohttp.ClientResponse, wait_s: float, longest_s: float
    ) -> None:
        """Raise for a 429 that asks for more than *longest_s*, in its header or in its body."""
        if wait_s <= longest_s and response.content_type == "application/json":
            # discord.py waits as long as the body says, and takes for granted that it does.
            said_s = wait_in(await response.read())
            wait_s = UNSAID_S if said_s is None else max(wait_s, said_s)
        if wait_s > longest_s:
            response.close()
            raise LongRateLimitError(wait_s)


def _random_nonce() -> str:
    return secrets.token_hex(derivation.NONCE_CHARACTERS // 2)


def _worth_a_retry(error: Exception) -> bool:
    if isinstance(error, DiscordServerError):
        return error.status == 503
    if isinstance(error, OSError):
        return error.errno == errno.ECONNRESET
    return isinstance(error, aiohttp.ServerDisconnectedError)
