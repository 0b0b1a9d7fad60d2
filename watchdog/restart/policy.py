"""How often, and how patiently, the bot is restarted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How often and how patiently the bot may be restarted; times in seconds."""

    max_restarts: int = 5
    window_s: float = 600.0
    base_s: float = 2.0
    cap_s: float = 120.0
    jitter: float = 0.2
    forgiven_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartAfter:
    """Start again after *delay_s*."""

    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The budget is spent: *restarts* in the window did not help."""

    restarts: int


def recent(policy: RestartPolicy, history: Sequence[float], *, now_s: float) -> int:
    """Answer how many restarts of *history* lie in the window that ends at *now_s*."""
    return sum(now_s - at_s < policy.window_s for at_s in history)


def backoff_s(policy: RestartPolicy, restarts: int, *, draw: float) -> float:
    """Answer the delay after *restarts* earlier ones: 0, then 2, 4, 8 … with jitter downwards.

    Raises:
        ValueError: *draw* is outside [0, 1).
    """
    if not 0 <= draw < 1:
        raise ValueError(f"draw must be in [0, 1), got {draw}")
    if restarts <= 0:
        return 0.0
    doublings = min(restarts - 1, 30)
    delay_s = min(policy.cap_s, policy.base_s * 2.0**doublings)
    return delay_s * (1 - policy.jitter * draw)


def decide(
    policy: RestartPolicy, history: Sequence[float], *, now_s: float, draw: float
) -> RestartAfter | GiveUp:
    """Answer one failure; ask once per failure, not once per tick.

    Args:
        policy: Limits to apply.
        history: Monotonic times of earlier restarts, in seconds.
        now_s: Monotonic time of this failure, in seconds.
        draw: Random number in [0, 1) the caller drew for the jitter.

    Raises:
        ValueError: *draw* is outside [0, 1).
    """
    restarts = recent(policy, history, now_s=now_s)
    delay_s = backoff_s(policy, restarts, draw=draw)
    if restarts >= policy.max_restarts:
        return GiveUp(restarts=restarts)
    return RestartAfter(delay_s=delay_s)
