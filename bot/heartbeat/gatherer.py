"""Ask for every part of a beat so that one that breaks never stops the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from bot.errors import BotError
from bot.heartbeat.pulse import LoopPulse
from bot.heartbeat.sampler import blocked, is_blocked, pause_after, waits_for_events
from bot.heartbeat.sources import ALWAYS_ASKED, ANSWERS, STATES, Sources
from watchdog.heartbeat.schema import Loop, Process, State

log = structlog.get_logger(__name__)

SAY_EVERY_S = 60.0
# What code raises by mistake. Anything else ends the thread, which is then started anew without
# this source (`HeartbeatWriter.revive`).
MISTAKES = (
    *(ArithmeticError, AssertionError, AttributeError, BotError, ImportError, LookupError),
    *(MemoryError, NameError, OSError, RuntimeError, TypeError, ValueError),
)
_BROKEN = object()


@dataclass(slots=True)
class Occasionally:
    """Say the same thing once in *every_s* seconds at most."""

    clock: Callable[[], float]
    every_s: float = SAY_EVERY_S
    _said_at_s: dict[str, float] = field(default_factory=dict)

    def may_say(self, key: str) -> bool:
        """Answer whether *key* was not said within the last *every_s* seconds."""
        now_s = self.clock()
        said_at_s = self._said_at_s.get(key)
        if said_at_s is not None and now_s - said_at_s < self.every_s:
            return False
        self._said_at_s[key] = now_s
        return True


class Gatherer:
    """Gather the parts one by one; count and, once a minute, log the ones that break.

    Attributes:
        failures: How often a source raised or answered something else than its part.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        pulse: LoopPulse,
        slow_s: float,
        process: Callable[[], Process],
        stack_of: Callable[[int], str | None],
        clock: Callable[[], float],
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.failures = 0
        self._clock, self._cpu_clock = clock, cpu_clock
        self._kept: dict[str, tuple[float, Any]] = {}
        self._sources, self._pulse, self._slow_s = sources, pulse, slow_s
        self._process, self._stack_of = process, stack_of
        self._occasionally = Occasionally(clock)
        self._state: State | None = None

    def gather(self, *, skipped: frozenset[str], asking: Callable[[str], None]) -> dict[str, Any]:
        """Answer the parts by name; those that are *skipped* or that broke are left out.

        Args:
            asking: Told the name of each part before it is asked for.
        """
        parts: dict[str, Any] = {}
        for name in ANSWERS:
            if name not in skipped:
                asking(name)
                answer = self._part(name)
                if answer is not _BROKEN:
                    parts[name] = answer
        if "state" in parts:
            self._state = parts["state"]
        elif self._state is not None:  # better the last one than "starting" from a bot that serves
            parts["state"] = self._state
        if "process" not in skipped:
            asking("process")
            process = self._ask("process", self._process)
            if isinstance(process, Process):
                parts["process"] = process
        parts["loop"] = self._loop(asking, asks_stack="stack" not in skipped)
        return parts

    def _part(self, name: str) -> Any:
        """Answer the part, one that was costly from memory for a while; `_BROKEN` without one."""
        kept_until_s, answer = self._kept.get(name, (0.0, None))
        if self._clock() < kept_until_s:
            return answer
        began_s = self._cpu_clock()
        answer = self._ask(name, getattr(self._sources, name))
        if answer is _BROKEN:
            return _BROKEN
        if not isinstance(answer, ANSWERS[name]) or (name == "state" and answer not in STATES):
            self._broken(name, f"answered {type(answer).__name__}", exc_info=False)
            return _BROKEN
        if name not in ALWAYS_ASKED:
            pause_s = pause_after(self._cpu_clock() - began_s)
            self._kept[name] = (self._clock() + pause_s, answer)
        return answer

    def _loop(self, asking: Callable[[str], None], *, asks_stack: bool) -> Loop:
        loop, thread_id = self._pulse.snapshot(), self._pulse.thread_id
        interval_s = self._pulse.interval_s
        if thread_id is None or not is_blocked(
            loop, pulse_interval_s=interval_s, slow_s=self._slow_s
        ):
            return loop
        stack = None
        if asks_stack:
            asking("stack")
            answer = self._ask("stack", partial(self._stack_of, thread_id))
            if isinstance(answer, str):  # a path in it need not be UTF-8, a beat must
                stack = answer.encode(errors="replace").decode()
                if waits_for_events(stack):
                    return loop
        return blocked(loop, pulse_interval_s=interval_s, stack=stack)

    def _ask(self, name: str, source: Callable[[], Any]) -> Any:
        try:
            return source()
        except MISTAKES as error:
            self._broken(name, type(error).__name__, exc_info=True)
            return _BROKEN

    def _broken(self, name: str, error: str, *, exc_info: bool) -> None:
        self.failures += 1
        if self._occasionally.may_say(name):
            log.warning(
                "heartbeat.source_failed",
                source=name,
                error=error,
                failures=self.failures,
                exc_info=exc_info,
            )
