"""What can go wrong in a call to somebody else's service. Pure.

OutboundError
├── AddressRefusedError      not an address this client calls; nothing was sent
├── CircuitOpenError         the host failed too often lately; nothing was sent
├── OutboundTimeoutError     (also a TimeoutError) the total time is over
├── ConnectionFailedError    no connection, or it broke
├── ResponseTooLargeError    the body is longer than was allowed; it was not read to its end
└── ResponseStatusError      an answer came, and it is not a success

No message holds a path, a query or credentials: those may be secrets.
"""

from __future__ import annotations

from bot.errors import BotError
from bot.outbound.response import Response


class OutboundError(BotError):
    """A call that brought nothing; *host* is `scheme://name:port`."""

    def __init__(self, method: str, host: str, what: str) -> None:
        self.method, self.host = method, host
        super().__init__(f"{method} {host}: {what}")


class AddressRefusedError(OutboundError):
    """Not an address this client calls; nothing was sent."""


class CircuitOpenError(OutboundError):
    """The host failed too often lately; ask again in *retry_after_s* seconds."""

    def __init__(self, method: str, host: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(method, host, f"not called, it keeps failing ({retry_after_s:.1f} s)")


class OutboundTimeoutError(OutboundError, TimeoutError):
    """No answer within *timeout_s* seconds, all attempts together."""

    def __init__(self, method: str, host: str, *, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        super().__init__(method, host, f"no answer within {timeout_s:g} s")


class ConnectionFailedError(OutboundError):
    """No connection, or it broke; *kind* names the cause's class."""

    def __init__(self, method: str, host: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(method, host, f"connection failed ({kind})")


class ResponseTooLargeError(OutboundError):
    """The body is longer than *max_bytes*."""

    def __init__(self, method: str, host: str, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        super().__init__(method, host, f"answer is longer than {max_bytes} bytes")


class ResponseStatusError(OutboundError):
    """An answer with *status*; *retry_after_s* is what the host asked for, if it did."""

    def __init__(
        self,
        method: str,
        host: str,
        *,
        status: int,
        retry_after_s: float | None = None,
        response: Response | None = None,
    ) -> None:
        self.status, self.retry_after_s, self.response = status, retry_after_s, response
        super().__init__(method, host, f"status {status}")
