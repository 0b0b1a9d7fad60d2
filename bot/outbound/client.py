"""Calls to somebody else's service: one total time, retries, a circuit breaker, bounded answers."""

from __future__ import annotations

import functools
import socket
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from bot.clock.wall import utc_now
from bot.outbound.addresses import Network, may_reach
from bot.outbound.breaker import BreakerPolicy
from bot.outbound.errors import (
    AddressRefusedError,
    ConnectionFailedError,
    OutboundError,
    OutboundTimeoutError,
    ResponseStatusError,
    ResponseTooLargeError,
)
from bot.outbound.gate import Gate, Ticket
from bot.outbound.redirects import Hop, host_of, next_hop
from bot.outbound.response import Response
from bot.outbound.retries import IDEMPOTENT, counts_as_down, decide, retry_after_s
from bot.outbound.tally import HostStatistics
from bot.tasks.timeouts import with_timeout

if TYPE_CHECKING:
    import aiohttp

CHUNK_BYTES = 64 * 1024
CONNECT_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 32


class _NotReachedError(OSError):
    """An address that is refused; no text, since aiohttp keeps the class of equal errors only."""


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call with all its attempts; *ticket* is that of the newest request."""

    first: Hop
    host: str
    body: Mapping[str, Any]
    max_bytes: int
    redirects: int
    idempotent: bool
    deadline_s: float
    ticket: Ticket | None = None


class OutboundClient:
    """One client for all external services; its session is made at the first call.

    Redirects are not followed unless asked for. No log line or error names a path, a query or
    credentials.

    Args:
        reachable: Networks that may be called although they are not the Internet.
    """

    def __init__(
        self,
        *,
        reachable: Sequence[Network] = (),
        policy: BreakerPolicy | None = None,
        backoff_s: float = 0.2,
        user_agent: str = "novera",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._gate = Gate(policy or BreakerPolicy(), clock=clock)
        self._backoff_s, self._user_agent = backoff_s, user_agent
        self._clock, self._now, self._reachable = clock, now, tuple(reachable)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def snapshot(self) -> Mapping[str, HostStatistics]:
        """Answer the statistics by host; from any thread."""
        return self._gate.statistics()

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float = 10.0,
        max_bytes: int = 1024 * 1024,
        retries: int = 2,
        idempotent: bool | None = None,
        redirects: int = 0,
        expect_success: bool = True,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | None = None,
    ) -> Response:
        """Send a request and answer the whole response.

        Args:
            timeout_s: Limit of the call, all its attempts, waits and redirects together.
            max_bytes: Longest body that is accepted.
            retries: Further attempts after a failure that another attempt may mend.
            idempotent: A second sending does no harm; by default what RFC 9110 says of *method*.
            redirects: How many to follow: to http and https only, and not from https to http.
            expect_success: Raise for a status other than 2xx; otherwise answer it.

        Raises:
            OutboundError: one of its subclasses (`bot.outbound.errors`).
        """
        method = method.upper()
        call = _Call(
            first=Hop(method=method, url=url, headers=headers or {}),
            host=self._checked_host(method, url),
            body={"params": params, "json": json, "data": data},
            max_bytes=max_bytes,
            redirects=redirects,
            idempotent=method in IDEMPOTENT if idempotent is None else idempotent,
            deadline_s=self._clock() + timeout_s,
        )
        try:
            return await self._within(call, self._attempts(call, retries), timeout_s)
        except ResponseStatusError as error:
            if expect_success or error.response is None:
                raise
            return error.response

    async def _within(
        self, call: _Call, attempts: Coroutine[Any, Any, Response], timeout_s: float
    ) -> Response:
        """Await *attempts*; what ended them tells the breaker how the last request went."""
        try:
            return await with_timeout(attempts, timeout_s)
        except OutboundError:
            raise
        except TimeoutError:
            if call.ticket is not None:
                call.ticket.failed()
            raise OutboundTimeoutError(call.first.method, call.host, timeout_s=timeout_s) from None
        finally:
            if call.ticket is not None:
                call.ticket.abandoned()  # unless its outcome is known, the caller was cancelled

    def _checked_host(self, method: str, url: str) -> str:
        host = host_of(url)
        if host is None:
            raise AddressRefusedError(method, "?", "not an http:// or https:// address")
        if self._closed:
            raise AddressRefusedError(method, host, "the client is closed")
        return host

    async def _attempts(self, call: _Call, retries: int) -> Response:
        async for attempt in _stamina().retry_context(
            on=partial(self._try_again, call),
            attempts=1 + max(0, retries),
            timeout=None,  # with_timeout ends all attempts together
            wait_initial=self._backoff_s,
            wait_jitter=self._backoff_s,
        ):
            if attempt.num > 1:
                self._gate.retried(call.host)
            with attempt:
                return await self._follow(call)
        raise AssertionError("unreachable")

    def _try_again(self, call: _Call, error: Exception) -> bool | float:
        """Answer stamina whether, and after how long, to try again."""
        left_s = call.deadline_s - self._clock()
        answer = decide(error, idempotent=call.idempotent, left_s=left_s)
        return answer if answer is not False and self._gate.is_closed(call.host) else False

    async def _follow(self, call: _Call) -> Response:
        hop = call.first
        for _ in range(call.redirects + 1):
            try:
                return await self._send(call, hop)
            except ResponseStatusError as error:
                location = error.response.headers.get("location") if error.response else None
                following = next_hop(hop, status=error.status, location=location)
                if following is None:
                    raise
                last, hop = error, following
        raise last

    async def _send(self, call: _Call, hop: Hop) -> Response:
        """Send one request if the host's breaker lets it pass, and tell it the outcome."""
        name = host_of(hop.url) or call.host
        ticket = call.ticket = self._gate.enter(hop.method, name)
        try:
            response = await self._exchange(call, hop, name)
            if not 200 <= response.status < 300:
                asked_s = retry_after_s(response.headers.get("retry-after"), now=self._now())
                raise ResponseStatusError(
                    hop.method,
                    name,
                    status=response.status,
                    retry_after_s=asked_s,
                    response=response,
                )
        except OutboundError as error:
            if isinstance(error, AddressRefusedError):
                ticket.abandoned()
            elif counts_as_down(error):
                ticket.failed()
            else:
                is_redirect = isinstance(error, ResponseStatusError) and error.status < 400
                ticket.answered(failed=not is_redirect)
            raise
        ticket.answered(received_bytes=len(response.body))
        return response

    async def _exchange(self, call: _Call, hop: Hop, name: str) -> Response:
        import aiohttp

        body = call.body if hop.keeps_body else {}
        if hop is not call.first:
            body = {**body, "params": None}  # the new address has its own
        try:
            async with self._open_session().request(
                hop.method, hop.url, headers=hop.headers, allow_redirects=False, **body
            ) as response:
                return Response(
                    status=response.status,
                    headers={key.lower(): value for key, value in response.headers.items()},
                    body=await self._read(response, call, hop, name),
                )
        # Chained errors are printed with the traceback, and aiohttp's name the whole URL.
        except aiohttp.InvalidURL:
            raise AddressRefusedError(hop.method, name, "not a valid address") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            refused = getattr(error, "os_error", None)
            if isinstance(refused, _NotReachedError):
                raise AddressRefusedError(hop.method, name, "not on the Internet") from None
            raise ConnectionFailedError(hop.method, name, kind=type(error).__name__) from None

    async def _read(
        self, response: aiohttp.ClientResponse, call: _Call, hop: Hop, name: str
    ) -> bytes:
        too_large = ResponseTooLargeError(hop.method, name, max_bytes=call.max_bytes)
        if hop.method != "HEAD" and (response.content_length or 0) > call.max_bytes:
            response.close()  # not released: what is on its way is not read either
            raise too_large
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > call.max_bytes:
                response.close()
                raise too_large
        return bytes(body)

    def _socket_to(self, target: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one resolved address, the very one that is connected to then.

        A check of the name before would be of another answer of its name server; here it holds for
        each hop of a redirect, and for numbers in a URL, which are never resolved.
        """
        family, kind, protocol, _, address = target
        if not may_reach(address[0], self._reachable):
            raise _NotReachedError
        return socket.socket(family, kind, protocol)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=MAX_CONNECTIONS, ttl_dns_cache=60, socket_factory=self._socket_to
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._user_agent},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            )
        return self._session


@functools.cache
def _stamina() -> Any:
    """Import stamina with its log records, and without the metrics library of the watchdog."""
    import stamina
    from stamina.instrumentation import StructlogOnRetryHook, set_on_retry_hooks

    set_on_retry_hooks([StructlogOnRetryHook])
    return stamina
