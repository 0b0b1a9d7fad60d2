"""What became of a timer's attempt, and what follows from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

MAX_FAILURES = 30  # attempts in a row that raised; with the backoff below some four hours
BACKOFF_S, BACKOFF_CAP_S = 5.0, 600.0
MAX_ERROR = 300  # characters that are kept

State = Literal["pending", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Done:
    """It has happened."""


@dataclass(frozen=True, slots=True)
class Retry:
    """It could not happen now, through no fault of its own: again after *after_s* seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It can't happen any more; *why* is kept."""

    why: str


DONE = Done()
Outcome = Done | Retry | GiveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt is written down.

    Attributes:
        failures: Attempts that raised, since the last one that answered.
        next_try_at: Of a timer that stays pending.
    """

    state: State
    attempts: int
    failures: int = 0
    next_try_at: datetime | None = None
    error: str | None = None


def ending(outcome: Outcome, *, attempts: int, now: datetime) -> Ending:
    """Answer what to write after an attempt that answered.

    Args:
        attempts: How many there were before.
        now: When it ended, aware.
    """
    made = attempts + 1
    match outcome:
        case Done():
            return Ending(state="sent", attempts=made)
        case GiveUp(why):
            return Ending(state="failed", attempts=made, error=why[:MAX_ERROR])
        case Retry(after_s):
            again_at = now + timedelta(seconds=max(0.0, after_s))
            return Ending(state="pending", attempts=made, next_try_at=again_at)


def unbegun(*, attempts: int, failures: int, due_at: datetime) -> Ending:
    """Answer what to write of a timer that is left to another process, as if never claimed."""
    return Ending(state="pending", attempts=attempts, failures=failures, next_try_at=due_at)


def failing(error: str, *, attempts: int, failures: int, now: datetime) -> Ending:
    """Answer what to write after an attempt that raised *error*.

    Args:
        attempts: How many there were before.
        failures: How many of the newest of them raised.
        now: When it ended, aware.
    """
    raised, again_at = failures + 1, None
    if raised < MAX_FAILURES:
        delay_s = min(BACKOFF_CAP_S, BACKOFF_S * 2.0**failures)
        again_at = now + timedelta(seconds=delay_s)
    return Ending(
        state="failed" if again_at is None else "pending",
        attempts=attempts + 1,
        failures=raised,
        next_try_at=again_at,
        error=error[:MAX_ERROR],
    )
