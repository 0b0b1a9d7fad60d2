"""Causing faults, and changing what Discord allows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from simulator import faults as table
from simulator.driver.base import Parts, Verbs
from simulator.errors import RefusedError
from simulator.instant import INSTANT
from simulator.settings import PRIVILEGED_INTENTS
from simulator.switchboard import is_standing

_MOST = 1_000_000_000
_CLOSED_PORTS = {
    "all": frozenset({"main", "gateway"}),
    "rest": frozenset({"main"}),
    "gateway": frozenset({"gateway"}),
}


class TroubleVerbs(Verbs):
    """Faults by name, from the table in `simulator.faults`."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._tasks: set[asyncio.Task[None]] = set()

    async def fault(self, name: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Switch a standing fault on, or cause an instant one; answers what was done."""
        given = dict(parameters or {})
        try:
            if is_standing(name):
                shown = self._parts.faults.set(name, given).as_json()
                await self._open_and_close()
                return shown
            checked = table.check(name, given)
        except table.BadFaultError as error:
            raise RefusedError(str(error)) from error
        struck = INSTANT[name](self._parts.hub, checked)
        return {"name": name, "parameters": checked, "struck": struck}

    async def clear_fault(self, name: str) -> dict[str, Any]:
        """Switch a standing fault off."""
        if not is_standing(name):
            raise RefusedError(f"no standing fault is named {name!r}")
        cleared = self._parts.faults.clear(name)
        await self._open_and_close()
        return {"cleared": list(cleared)}

    async def clear_faults(self) -> dict[str, Any]:
        """Switch every standing fault off."""
        cleared = self._parts.faults.clear()
        await self._open_and_close()
        return {"cleared": list(cleared)}

    async def _open_and_close(self) -> None:
        """Close the ports that `refuse` closes now; come again when it ends by itself."""
        fault = self._parts.faults.peek("refuse")
        closed: frozenset[str] = frozenset()
        if fault is not None and fault.parameters["how"] == "close":
            closed = _CLOSED_PORTS[str(fault.parameters["scope"])]
        await self._parts.listeners.close_only(closed)
        if fault is not None and "for_s" in fault.parameters:
            self._parts.hub.later(fault.number("for_s"), self._reopen)

    def _reopen(self) -> None:
        task = asyncio.create_task(self._open_and_close(), name="simulator-reopen")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End what the verbs began."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def faults(self) -> dict[str, Any]:
        """Answer the table of faults, and those that are on."""
        return {
            "active": [fault.as_json() for fault in self._parts.faults.active()],
            "known": {
                name: {
                    "summary": fault.summary,
                    "standing": fault.standing,
                    "parameters": {key: each.default for key, each in fault.parameters.items()},
                }
                for name, fault in table.FAULTS.items()
            },
        }

    async def session_start_limit(
        self,
        *,
        total: int | None = None,
        remaining: int | None = None,
        reset_after_s: float | None = None,
        max_concurrency: int | None = None,
        interval_s: float | None = None,
    ) -> dict[str, Any]:
        """Change the numbers of session_start_limit; *interval_s* is enforced per key."""
        starts = self._parts.hub.starts
        given = (total, remaining, reset_after_s, interval_s)
        if any(each is not None and not 0 <= each <= _MOST for each in given):
            raise RefusedError(f"numbers must be in 0..{_MOST}")
        if max_concurrency is not None and max_concurrency < 1:
            raise RefusedError("max_concurrency must be at least 1")
        starts.set(
            total=total,
            remaining=remaining,
            reset_after_s=reset_after_s,
            max_concurrency=max_concurrency,
            interval_s=interval_s,
        )
        return starts.as_json()

    async def advance_clock(self, seconds: float) -> dict[str, Any]:
        """Move Discord's clock forward: interactions grow old, timeouts end."""
        if not 0 < seconds <= 10 * 365 * 86_400:
            raise RefusedError("seconds must be in 0..10 years")
        backend = self._parts.world.backend
        backend.advance_clock(seconds)
        return {"now": backend.now_iso()}

    async def portal(
        self, *, token: str | None = None, intents: list[str] | None = None
    ) -> dict[str, Any]:
        """Change the token (the old one is worthless at once), or the privileged intents."""
        portal = self._parts.portal
        unknown = sorted(set(intents or ()) - set(PRIVILEGED_INTENTS))
        if unknown:
            raise RefusedError(f"{unknown[0]!r} is not one of {', '.join(PRIVILEGED_INTENTS)}")
        if intents is not None:
            portal.approved = frozenset(intents)
        if token is not None:
            portal.reset_token(token)
            self._parts.hub.end_all_sessions()
        return {"intents": sorted(portal.approved), "token_resets": portal.token_resets}
