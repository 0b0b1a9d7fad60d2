"""The circuit breaker of one host: when to stop calling it, and when to try again. Pure.

Closed lets everything pass. After *failures* failures in a row it opens and refuses; when its time
is over, one probe may pass (half-open). The outcome of the probe closes it, or opens it for twice
as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a host counts as down; times in seconds."""

    failures: int = 5
    open_s: float = 10.0
    open_cap_s: float = 300.0
    probe_limit_s: float = 60.0  # a probe that never reported back blocks the next one this long


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is known of one host.

    Attributes:
        failures: Failures in a row.
        openings: Times it opened without a success in between.
        since_s: Monotonic time of the last change of *state*.
    """

    state: State = "closed"
    failures: int = 0
    openings: int = 0
    since_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a call may pass, and what the breaker is after that.

    Attributes:
        probe: The call is the one that decides; its outcome must be reported with `probe=True`.
        retry_after_s: Seconds until a refused caller may ask again.
    """

    breaker: Breaker
    allowed: bool
    probe: bool = False
    retry_after_s: float = 0.0


def admit(policy: BreakerPolicy, breaker: Breaker, *, now_s: float) -> Admission:
    """Answer whether a call may pass at monotonic time *now_s*."""
    if breaker.state == "closed":
        return Admission(breaker=breaker, allowed=True)
    wait_s = policy.probe_limit_s if breaker.state == "half_open" else open_for_s(policy, breaker)
    left_s = breaker.since_s + wait_s - now_s
    if left_s > 0:
        return Admission(breaker=breaker, allowed=False, retry_after_s=left_s)
    return Admission(
        breaker=replace(breaker, state="half_open", since_s=now_s), allowed=True, probe=True
    )


def open_for_s(policy: BreakerPolicy, breaker: Breaker) -> float:
    """Answer how long *breaker* stays open: doubled with each opening, up to the cap."""
    doublings = min(max(0, breaker.openings - 1), 30)
    return min(policy.open_cap_s, policy.open_s * 2.0**doublings)


def succeeded(breaker: Breaker, *, probe: bool, now_s: float) -> Breaker:
    """Answer the breaker after a call that the host answered."""
    if breaker.state == "closed":
        return replace(breaker, failures=0)
    return Breaker(since_s=now_s) if probe else breaker


def failed(policy: BreakerPolicy, breaker: Breaker, *, probe: bool, now_s: float) -> Breaker:
    """Answer the breaker after a call that failed; one that began before it opened is no news."""
    if breaker.state == "open" or (breaker.state == "half_open" and not probe):
        return breaker
    failures = breaker.failures + 1
    if breaker.state == "closed" and failures < policy.failures:
        return replace(breaker, failures=failures)
    return Breaker(state="open", failures=failures, openings=breaker.openings + 1, since_s=now_s)


def abandoned(policy: BreakerPolicy, breaker: Breaker, *, probe: bool, now_s: float) -> Breaker:
    """Answer the breaker after a call that was cancelled; after a probe, the next call is one."""
    if not probe or breaker.state != "half_open":
        return breaker
    return replace(breaker, state="open", since_s=now_s - open_for_s(policy, breaker))
