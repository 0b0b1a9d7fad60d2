"""Takes every message through its stages: ignore → automod → commands → listeners.

Handlers run one after the other in the task of the message, so that what they send, and when a
text command has to end, is as it would be without a pipeline. One that fails or takes too long is
counted, logged once a minute, and does not keep the message from those behind it. One that refuses
to be cancelled when its budget is over does, as any `await` of it would (`bot.tasks.timeouts`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from bot.pipeline.figures import Outcome, PipelineFigures, Tally
from bot.pipeline.stages import (
    CONTINUE,
    DEFAULT_BUDGET_S,
    STOP,
    Handler,
    Place,
    Quiet,
    Verdict,
    is_ignored,
    placed,
)
from bot.pipeline.within import within
from bot.tasks.stats import Durations

if TYPE_CHECKING:
    import discord

log = structlog.get_logger(__name__)

__all__ = ["CONTINUE", "STOP", "Handler", "Pipeline", "Verdict"]


@dataclass(slots=True, kw_only=True)
class _Station:
    """A handler with its tally."""

    place: Place
    tally: Tally
    quiet: Quiet = field(default_factory=Quiet)


class Pipeline:
    """The handlers of messages, in order; made with what runs text commands."""

    def __init__(
        self,
        run_commands: Callable[[discord.Message], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run_commands, self._clock = run_commands, clock
        self._stations: tuple[_Station, ...] = ()
        self._messages = self._under_way = 0
        self._durations = Durations()
        self.add("ignore", _ignore, name="ignore")
        self.add("commands", self._commands, name="commands", budget_s=math.inf)

    def add(
        self, stage: str, handler: Handler, *, name: str, budget_s: float = DEFAULT_BUDGET_S
    ) -> None:
        """Let *handler* see messages from now on, behind the others of its stage.

        Args:
            stage: ``ignore``, ``automod``, ``commands`` or ``listeners``.
            handler: Takes the message; answers `STOP` to keep it from all behind it.
            name: For `remove`, the log and the figures.
            budget_s: When it is over, the handler is cancelled; infinite for ``commands``.

        Raises:
            ValueError: the stage is unknown, the name is taken, or the budget does not fit.
        """
        place = Place(stage=stage, name=name, handler=handler, budget_s=budget_s)
        known = {station.place.name: station for station in self._stations}
        known[name] = _Station(place=place, tally=Tally(stage=stage, name=name))
        order = placed([station.place for station in self._stations], place)
        self._stations = tuple(known[each.name] for each in order)

    def remove(self, name: str) -> None:
        """Take a handler out; messages under way still meet it. Unknown names do no harm."""
        self._stations = tuple(each for each in self._stations if each.place.name != name)

    async def run(self, message: discord.Message) -> None:
        """Take *message* through all stages, or until a handler stops it."""
        began_s = self._clock()
        self._messages += 1
        self._under_way += 1
        try:
            for station in self._stations:
                if await self._visit(station, message) is STOP:
                    return
        finally:
            self._under_way -= 1
            self._durations.add(self._clock() - began_s)

    def snapshot(self) -> PipelineFigures:
        """Answer the figures since the start, those of removed handlers left out."""
        return PipelineFigures(
            messages=self._messages,
            under_way=self._under_way,
            p50_ms=self._durations.quantile_ms(0.50),
            p99_ms=self._durations.quantile_ms(0.99),
            handlers=tuple(station.tally.figures() for station in self._stations),
        )

    async def _visit(self, station: _Station, message: discord.Message) -> Verdict:
        began_s, place = self._clock(), station.place
        verdict = CONTINUE
        outcome: Outcome = "failed"  # so it counts when the task is cancelled
        try:
            handled = place.handler(message)
            if place.budget_s < math.inf:
                handled = within(handled, place.budget_s)
            verdict = await handled
            outcome = "stopped" if verdict is STOP else "continued"
        except Exception as error:  # noqa: BLE001 - a plugin's: the next must see the message
            over = isinstance(error, TimeoutError) and self._clock() - began_s >= place.budget_s
            outcome = "timed_out" if over else "failed"
            self._tell(station, outcome, error)
        finally:
            station.tally.add(outcome, self._clock() - began_s)
        return verdict

    def _tell(self, station: _Station, outcome: Outcome, error: Exception) -> None:
        place, quiet = station.place, station.quiet
        if not quiet.may_speak(self._clock()):
            return
        held_back, quiet.held_back = quiet.held_back, 0
        facts = {"stage": place.stage, "name": place.name, "held_back": held_back}
        if outcome == "timed_out":
            log.error("pipeline.timed_out", budget_s=place.budget_s, **facts)
        else:
            log.error("pipeline.failed", error=type(error).__name__, exc_info=error, **facts)

    async def _commands(self, message: discord.Message) -> Verdict:
        await self._run_commands(message)
        return CONTINUE


async def _ignore(message: discord.Message) -> Verdict:
    return STOP if is_ignored(message) else CONTINUE
