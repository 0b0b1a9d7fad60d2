"""The stages of a message, who stands in which, and whom nobody answers. Pure."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

# In this order, whatever the order in which plugins are loaded.
STAGES = ("ignore", "automod", "commands", "listeners")
DEFAULT_BUDGET_S = 2.0
QUIET_S = 60.0  # between two records of one handler's failures


class Verdict(Enum):
    """What a handler says of a message: whether those behind it see it too."""

    CONTINUE = "continue"
    STOP = "stop"


CONTINUE, STOP = Verdict.CONTINUE, Verdict.STOP
Handler = Callable[[Any], Awaitable[Verdict]]


class Message(Protocol):
    """What is asked of a `discord.Message` here."""

    author: Any
    webhook_id: int | None

    def is_system(self) -> bool:
        """Whether Discord wrote it."""


@dataclass(slots=True, kw_only=True)
class Quiet:
    """Lets one record in `QUIET_S` through and counts the others."""

    held_back: int = 0
    _spoke_at_s: float = field(default=-math.inf)

    def may_speak(self, now_s: float) -> bool:
        """Answer whether to log now; who may takes `held_back` and sets it to 0."""
        if now_s - self._spoke_at_s < QUIET_S:
            self.held_back += 1
            return False
        self._spoke_at_s = now_s
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A handler and where it stands.

    Attributes:
        budget_s: Seconds it may take, infinite for commands: they have a deadline of their own.
    """

    stage: str
    name: str
    handler: Handler
    budget_s: float


def placed(places: Sequence[Place], place: Place) -> tuple[Place, ...]:
    """Answer *places* with *place* behind the others of its stage.

    Raises:
        ValueError: the stage is unknown, the name is taken, or the budget is none.
    """
    if place.stage not in STAGES:
        raise ValueError(f"there is no stage {place.stage}; the stages are {', '.join(STAGES)}")
    if any(other.name == place.name for other in places):
        raise ValueError(f"a handler named {place.name} is there already")
    if not place.budget_s > 0:
        raise ValueError(f"the budget of {place.name} must be over 0 s, got {place.budget_s}")
    if place.stage == "commands" and place.budget_s < math.inf:
        raise ValueError("commands have a deadline of their own: a budget would cut them short")
    return tuple(sorted((*places, place), key=lambda each: STAGES.index(each.stage)))


def is_ignored(message: Message) -> bool:
    """Answer whether nobody is to answer: a bot, a webhook, or Discord itself wrote it."""
    return message.author.bot or message.webhook_id is not None or message.is_system()
