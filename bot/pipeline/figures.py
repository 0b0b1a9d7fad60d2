"""How handlers of messages fare, in memory that does not grow. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.tasks.stats import Durations

Outcome = Literal["continued", "stopped", "failed", "timed_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerFigures:
    """One handler's figures; the quantiles are of its newest few thousand messages.

    Attributes:
        stopped: Messages that it kept from those behind it.
    """

    stage: str
    name: str
    count: int
    stopped: int
    failures: int
    timeouts: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFigures:
    """All figures, for `/status`.

    Attributes:
        messages: How many came.
        under_way: How many are in some stage now.
        handlers: In the order in which they see a message.
    """

    messages: int
    under_way: int
    p50_ms: float | None
    p99_ms: float | None
    handlers: tuple[HandlerFigures, ...]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts one handler's messages."""

    stage: str
    name: str
    stopped: int = 0
    failures: int = 0
    timeouts: int = 0
    count: int = 0
    durations: Durations = field(default_factory=Durations)

    def add(self, outcome: Outcome, duration_s: float) -> None:
        """Count one message that took *duration_s* seconds."""
        self.count += 1
        if outcome == "stopped":
            self.stopped += 1
        elif outcome == "failed":
            self.failures += 1
        elif outcome == "timed_out":
            self.timeouts += 1
        self.durations.add(duration_s)

    def figures(self) -> HandlerFigures:
        """Answer what was counted."""
        return HandlerFigures(
            stage=self.stage,
            name=self.name,
            count=self.count,
            stopped=self.stopped,
            failures=self.failures,
            timeouts=self.timeouts,
            p50_ms=self.durations.quantile_ms(0.50),
            p99_ms=self.durations.quantile_ms(0.99),
        )
