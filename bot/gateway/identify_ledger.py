"""The logins of the last 24 hours, kept in `state/identify.json` over restarts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot.gateway import identify_budget
from bot.gateway.identify_budget import Limits
from bot.gateway.statefile import StateFile
from watchdog.heartbeat.clocks import Reading

if TYPE_CHECKING:
    from bot.gateway.pace import Pace
    from bot.settings import BotSettings


class IdentifyLedger:
    """Counts logins, by both clocks: the wall clock may be set anew at any time."""

    def __init__(
        self,
        path: Path,
        limits: Limits,
        *,
        wall_clock: Callable[[], float],
        reading: Callable[[], Reading],
    ) -> None:
        self._file, self._limits = StateFile(path), limits
        self._wall_clock, self._read_clocks = wall_clock, reading
        self._history: tuple[float, ...] | None = None
        self._reading = reading()

    @classmethod
    def of(cls, settings: BotSettings, pace: Pace) -> Self:
        """Answer the ledger of an installation."""
        limits = Limits(
            max_10_min=settings.identify_max_10_min, max_24_h=settings.identify_max_24_h
        )
        return cls(
            settings.state_dir / "identify.json",
            limits,
            wall_clock=pace.wall_clock,
            reading=pace.reading,
        )

    async def free_at_s(self) -> float | None:
        """Answer when the next login is allowed, None for now."""
        history = await self._load()
        return identify_budget.free_at_s(self._limits, history, now_s=self._wall_clock())

    def reread(self) -> None:
        """Read the file again when it is needed: another process has led meanwhile."""
        self._history = None

    async def record(self) -> None:
        """Note a login that is about to be sent; on a disk that fails, in memory alone."""
        history, now_s = await self._load(), self._wall_clock()
        self._history = identify_budget.prune((*history, now_s), now_s=now_s)
        await self._file.write(identify_budget.encode(self._history, self._reading))

    async def _load(self) -> tuple[float, ...]:
        """Answer the logins by what the wall clock says now."""
        raw = await self._file.read() if self._history is None else None
        before, self._reading = self._reading, self._read_clocks()
        if self._history is not None:
            by_s = self._reading.ahead_s - before.ahead_s
            self._history = identify_budget.moved(self._history, by_s=by_s)
        elif raw is None:
            self._history = ()
        else:
            self._history = identify_budget.decode(
                raw, limits=self._limits, now_s=self._wall_clock(), reading=self._reading
            )
        return self._history
