"""A timer that fell due, as its handler gets it. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.timers.outcome import Ending, Outcome

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something that is to happen now.

    Attributes:
        due_at: When it was to happen, aware.
        attempts: How many attempts ended before this one.
        failures: How many of the newest of them raised.
        ref: The id of the row that it is about, of whoever scheduled it.
        late_s: Seconds since *due_at* when it was found, at least 0.
    """

    id: int
    kind: str
    due_at: datetime
    attempts: int = 0
    failures: int = 0
    guild_id: int | None = None
    channel_id: int | None = None
    user_id: int | None = None
    ref: int | None = None
    payload: Mapping[str, Any]
    late_s: float = 0.0

    @property
    def nonce(self) -> str:
        """Mark of its message: the same at each attempt, another one when it is due again."""
        # 1 + 13 + 1 + 9 characters at most, of the 25 that Discord takes.
        due_ms = (self.due_at - _EPOCH) // timedelta(milliseconds=1)
        return f"t{_base36(self.id)}-{_base36(max(0, due_ms))}"

    @property
    def key(self) -> tuple[int, datetime]:
        """What tells it from the same timer at another time."""
        return (self.id, self.due_at)

    @property
    def lane(self) -> tuple[str, int]:
        """Those of a channel happen one after the other."""
        if self.channel_id is not None:
            return ("channel", self.channel_id)
        return ("timer", self.id)


@dataclass(frozen=True, slots=True)
class Ended:
    """A timer's attempt, and what is to be written of it."""

    timer: Timer
    ending: Ending


Handler = Callable[[Timer], Awaitable[Outcome]]


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
