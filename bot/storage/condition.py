"""Whether the database answers: what of it is told, and when a question need not be patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from watchdog.heartbeat import schema

log = structlog.get_logger(__name__)

TELL_EVERY_S = 60.0
State = Literal["closed", "opening", "ready", "degraded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageHealth:
    """How the database does.

    Attributes:
        since_s: Monotonic time at which *state* began.
        retried: Transactions that were run again.
        failed: Questions that got no answer.
        problem: What to look at, without address or password; None unless degraded.
    """

    name: str
    state: State
    since_s: float
    retried: int = 0
    failed: int = 0
    problem: str | None = None


def facts(
    health: StorageHealth, *, kind: str, now_s: float, backup_problem: str | None
) -> schema.Storage:
    """Answer what the heartbeat says of the database.

    Args:
        kind: sqlite or postgresql.
        backup_problem: Why the last nightly backup failed.
    """
    return schema.Storage(
        kind=kind,
        state=health.state,
        state_age_s=round(max(0.0, now_s - health.since_s), 1),
        retried=health.retried,
        failed=health.failed,
        problem=_clean(health.problem),
        backup_problem=_clean(backup_problem),
    )


def _clean(words: str | None) -> str | None:
    """A path in it need not be UTF-8, a beat must."""
    return None if words is None else words.encode(errors="replace").decode()


class Condition:
    """Keeps `StorageHealth`, whose *health* any thread may read; all else is for the loop.

    What a write has met, such as a full disk, is over when a write succeeds: reads still do. Damage
    is not over as long as this process lives, for all that the rest of the file still answers.
    """

    def __init__(self, name: str, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.health = StorageHealth(name=name, state="closed", since_s=clock())
        self._lost: str | None = None
        self._lost_to_writes = False
        self._damage: str | None = None
        self._told_at_s = float("-inf")

    @property
    def is_lost(self) -> bool:
        """Whether it was seen not to answer: nobody need wait for it longer than once."""
        return self._lost is not None

    def move(self, state: State) -> None:
        """It is being opened, or is closed."""
        self._lost = self._damage = None
        self.health = replace(self.health, state=state, since_s=self._clock(), problem=None)

    def name(self, name: str) -> None:
        """Now it is known what it is called."""
        self.health = replace(self.health, name=name)

    def retried(self, problem: str) -> None:
        """A transaction is run again."""
        self.health = replace(self.health, retried=self.health.retried + 1)
        now_s = self._clock()
        if now_s - self._told_at_s >= TELL_EVERY_S:
            self._told_at_s = now_s
            log.info("storage.retried", problem=problem)

    def failed(self) -> None:
        """A question got no answer."""
        self.health = replace(self.health, failed=self.health.failed + 1)

    def lost(self, problem: str, *, to_writes: bool) -> None:
        """It does not answer."""
        self._lost_to_writes = to_writes or (self.is_lost and self._lost_to_writes)
        self._lost = problem
        self._tell()

    def damaged(self, problem: str) -> None:
        """It answers, but not for all that it should hold."""
        self._damage = self._damage or problem
        self._tell()

    def answered(self, *, to_writes: bool) -> None:
        """It has answered a transaction."""
        if self.is_lost and (to_writes or not self._lost_to_writes):
            self._lost = None
            self._tell()

    def _tell(self) -> None:
        before, problem = self.health, self._damage or self._lost
        if problem is None:
            lasted_s = round(self._clock() - before.since_s, 1)
            log.info("storage.recovered", after_s=lasted_s)
            self.move("ready")
        elif before.state != "degraded":
            log.warning("storage.degraded", problem=problem)
            self.health = replace(before, state="degraded", since_s=self._clock(), problem=problem)
        elif before.problem != problem:
            log.warning("storage.degraded", problem=problem)
            self.health = replace(before, problem=problem)
