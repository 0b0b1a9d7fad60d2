"""Whether to take an alert, and when to send what is waiting, together with what. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from watchdog.alerts.alert import Alert

Key = tuple[str, str]  # kind and key: the recovery from an incident is news although the key is not

MAX_FULL = 9  # alerts shown in full in one message: Discord takes 10 embeds, one is the summary
URGENT = frozenset({"give_up", "permanent_failure"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often anything is sent; times in seconds.

    Attributes:
        burst: Messages that may follow each other at once.
        refill_s: Time after which one more message is allowed.
        repeat_s: An alert with the key of one taken less than this ago is the same alert.
        base_s, cap_s: First and longest wait after a failed attempt.
        jitter: Share of that wait that is drawn.
    """

    burst: int = 5
    refill_s: float = 30.0
    repeat_s: float = 3600.0
    base_s: float = 2.0
    cap_s: float = 300.0
    jitter: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where the sender stands; times are monotonic seconds.

    Attributes:
        tokens: Messages allowed, as of *counted_at_s*.
        failures: Attempts that failed since the last that did not.
        not_before_s: No attempt is made before.
    """

    tokens: float
    counted_at_s: float
    failures: int = 0
    not_before_s: float = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send now: positions of the alerts shown in full, and of those only counted."""

    full: tuple[int, ...]
    summed: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Ask again at *until_s*, or earlier when something changes; None: nothing to wait for."""

    until_s: float | None


def fresh(limits: Limits, *, now_s: float) -> Pace:
    """Answer the pace of a sender that has sent nothing yet."""
    return Pace(tokens=float(limits.burst), counted_at_s=now_s)


def key_of(alert: Alert) -> Key:
    """Answer what makes two alerts one."""
    return (alert.kind, alert.key)


def is_repeat(
    key: Key,
    *,
    waiting: Collection[Key],
    taken_at_s: Mapping[Key, float],
    limits: Limits,
    now_s: float,
) -> bool:
    """Answer whether an alert with *key* waits already or was taken lately.

    Args:
        taken_at_s: Unix times at which alerts were taken; one that lies ahead counts as now.
        now_s: Unix time in seconds.
    """
    if key in waiting:
        return True
    taken = taken_at_s.get(key)
    return taken is not None and now_s - min(taken, now_s) < limits.repeat_s


def decide(pace: Pace, pending: Sequence[Alert], *, limits: Limits, now_s: float) -> Send | Wait:
    """Answer what to do with *pending* (oldest first) at the monotonic time *now_s*.

    What had to wait goes out in one message: up to `MAX_FULL` alerts in full, the urgent before the
    latest, and the rest as a sum. So a storm ends as a few messages, whatever its size.
    """
    if not pending:
        return Wait(until_s=None)
    if now_s < pace.not_before_s:
        return Wait(until_s=pace.not_before_s)
    tokens = _tokens(pace, limits, now_s)
    if tokens < 1:
        return Wait(until_s=now_s + (1 - tokens) * limits.refill_s)
    positions = range(len(pending))
    if len(pending) <= MAX_FULL:
        return Send(full=tuple(positions), summed=())
    by_weight = sorted(positions, key=lambda at: (pending[at].kind in URGENT, at))
    full = sorted(by_weight[-MAX_FULL:])
    return Send(full=tuple(full), summed=tuple(at for at in positions if at not in set(full)))


def concluded(pace: Pace, *, limits: Limits, now_s: float) -> Pace:
    """Answer the pace after a message was taken, or refused for good."""
    return Pace(tokens=max(0.0, _tokens(pace, limits, now_s) - 1), counted_at_s=now_s)


def failed(pace: Pace, *, after_s: float | None, limits: Limits, now_s: float, draw: float) -> Pace:
    """Answer the pace after an attempt that may be made again.

    Args:
        after_s: What the other side asked for; never undercut, and no failure of the connection.
        draw: Random number in [0, 1) the caller drew for the jitter.

    Raises:
        ValueError: *draw* is outside [0, 1).
    """
    if not 0 <= draw < 1:
        raise ValueError(f"draw must be in [0, 1), got {draw}")
    doublings = min(pace.failures, 30)
    delay_s = min(limits.cap_s, limits.base_s * 2**doublings) * (1 - limits.jitter * draw)
    if after_s is not None:
        delay_s = max(delay_s, after_s)
    return replace(pace, failures=pace.failures + 1, not_before_s=now_s + delay_s)


def _tokens(pace: Pace, limits: Limits, now_s: float) -> float:
    gained = max(0.0, now_s - pace.counted_at_s) / limits.refill_s
    return min(float(limits.burst), pace.tokens + gained)
