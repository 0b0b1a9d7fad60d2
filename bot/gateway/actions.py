"""What the state machine asks its caller to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """Show the token to Discord's REST side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Open a connection and wait for HELLO; *own_address*: where READY asked to resume."""

    resume: bool
    own_address: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Greet:
    """Send RESUME or IDENTIFY and wait for the answer."""

    resume: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """Hand on what comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Wait `backoff.delay_s(attempt)`, at least *at_least_s*."""

    attempt: int
    reason: str
    at_least_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Wait until *until_s* (Unix time, seconds)."""

    until_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End without an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """End: only the operator can mend this."""

    kind: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """Go on with what is being done."""


Action = LogIn | Connect | Greet | Serve | BackOff | Hold | Stop | Fail | Ignore
