"""What happens to a connection: the events of the state machine. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Discord's REST side accepted the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The gateway greeted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """IDENTIFY was answered: there is a new session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """RESUME was answered, everything that was missed has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInvalid:
    """Op 9; *resumable* is its payload."""

    resumable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectAsked:
    """Op 7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The connection ended; *code* is None without a close frame, *by_us* if we sent it first."""

    code: int | None = None
    by_us: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFailed:
    """Refused, reset, no route, no name, 5xx; *reason* is a short word."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """Something that should have come did not."""

    waiting_for: Literal["login", "hello", "ready", "resumed", "events", "acks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadBroken:
    """What came can't be read, so that what follows can't be trusted."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """REST answered 429, or Cloudflare has banned the address."""

    retry_after_s: float
    reason: str = "rate_limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthorized:
    """REST answered 401."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSpent:
    """No IDENTIFY before *until_s* (Unix time, seconds); *reason* says whose limit it is."""

    until_s: float
    reason: Literal["identify_budget", "session_start_limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayOver:
    """The wait that was asked for is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """Somebody closes the client, or wants the process to end."""


Signal = (
    LoggedIn
    | Hello
    | Ready
    | Resumed
    | SessionInvalid
    | ReconnectAsked
    | Closed
    | NetworkFailed
    | TimedOut
    | PayloadBroken
    | Limited
    | Unauthorized
    | BudgetSpent
    | DelayOver
    | StopAsked
)


class Lost(Exception):
    """Carries what ended a connection from where it was noticed to the state machine."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        super().__init__(repr(signal))
