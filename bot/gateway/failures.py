"""Which signal an exception of the network or of REST is."""

from __future__ import annotations

import errno
import math
import socket
import ssl
from collections.abc import Mapping

import aiohttp
import discord
import orjson

from bot.errors import BotError
from bot.gateway.signals import Closed, Limited, NetworkFailed, Signal, Unauthorized
from watchdog.heartbeat.retry import MAX_WAIT_S

BAN_WAIT_S = 900.0  # for a ban that does not say how long; Cloudflare's last up to an hour


class LongRateLimitError(BotError):
    """Discord asks for a wait that the caller does not want to sit out in the call."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"rate limited for {retry_after_s:.0f} s")


class UnavailableError(BotError):
    """Discord answers 5xx, and the caller waits by itself rather than inside the call."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"Discord answers {status}")


# What a login or a connection may fail with although nothing of ours is wrong.
RECOVERABLE = (
    OSError,
    aiohttp.ClientError,
    discord.ConnectionClosed,
    discord.HTTPException,
    discord.RateLimited,
    LongRateLimitError,
    UnavailableError,
)
# What discord.py raises for an answer that is not as Discord documents it: one of a proxy, say.
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Answer the seconds that ``Retry-After`` asks for, None when it names none."""
    try:
        wait_s = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(wait_s, MAX_WAIT_S) if math.isfinite(wait_s) and wait_s >= 0 else None


def wait_in(body: bytes) -> float | None:
    """Answer the seconds that the body of a 429 asks for, None when it is not as documented."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    wait_s = document.get("retry_after") if isinstance(document, dict) else None
    if not isinstance(wait_s, int | float) or isinstance(wait_s, bool) or wait_s < 0:
        return None
    return float(min(wait_s, MAX_WAIT_S))


def signal_of(error: Exception) -> Signal:
    """Answer what *error*, one of `RECOVERABLE`, says of the connection."""
    match error:
        case LongRateLimitError():
            return Limited(retry_after_s=error.retry_after_s)
        case UnavailableError():
            return NetworkFailed(reason=f"http_{error.status}")
        case discord.ConnectionClosed():
            return Closed(code=error.code if error.code > 0 else None)
        case discord.RateLimited():
            return Limited(retry_after_s=error.retry_after)
        case discord.HTTPException():
            return _of_answer(error.status, error.response.headers)
        case aiohttp.ClientResponseError():
            return _of_answer(error.status, error.headers or {})
    return NetworkFailed(reason=_reason(error))


def _of_answer(status: int, headers: Mapping[str, str]) -> Signal:
    if status == 401:
        return Unauthorized()
    if status == 429:
        banned = not headers.get("Via")
        wait_s = retry_after_s(headers)
        return Limited(
            retry_after_s=BAN_WAIT_S if wait_s is None else wait_s,
            reason="cloudflare_ban" if banned else "rate_limited",
        )
    return NetworkFailed(reason=f"http_{status}")


def _reason(error: BaseException) -> str:
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return "tls"
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, OSError) and error.errno is not None:
        known = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset"}
        return known.get(error.errno) or errno.errorcode.get(error.errno, "network").lower()
    if isinstance(error, (aiohttp.ServerDisconnectedError, ConnectionResetError)):
        return "reset"
    return "network"
