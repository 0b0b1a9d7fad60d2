"""Which standing faults are on now; asked by the gateway and by REST at every step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from simulator.faults import FAULTS, Value, check


@dataclass(slots=True, kw_only=True)
class ActiveFault:
    """A standing fault that is on, and how often it struck."""

    name: str
    parameters: Mapping[str, Value]
    since_s: float
    last_connection: int
    hits: int = 0

    def number(self, key: str) -> float:
        """Answer a numeric parameter."""
        value = self.parameters[key]
        assert isinstance(value, (int, float))  # noqa: S101 - the table says so
        return value

    def as_json(self) -> dict[str, Any]:
        """Answer what the control API shows."""
        return {
            "name": self.name,
            "parameters": dict(self.parameters),
            "since_s": self.since_s,
            "hits": self.hits,
        }


@dataclass(slots=True, kw_only=True)
class Switchboard:
    """The standing faults by name; setting one again replaces it.

    Attributes:
        connections: Number of the newest gateway connection, for `connections=existing`.
    """

    clock: Callable[[], float] = time.monotonic
    connections: int = 0
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    _active: dict[str, ActiveFault] = field(default_factory=dict)

    def set(self, name: str, given: Mapping[str, object]) -> ActiveFault:
        """Switch fault *name* on; raises BadFaultError when it does not fit the table."""
        parameters = check(name, given)
        active = ActiveFault(
            name=name,
            parameters=parameters,
            since_s=self.clock(),
            last_connection=self.connections,
        )
        self._active[name] = active
        self._tell(name)
        return active

    def clear(self, name: str | None = None) -> tuple[str, ...]:
        """Switch one fault off, or all of them; answers which were on."""
        names = tuple(self._active) if name is None else (name,)
        cleared = tuple(each for each in names if self._active.pop(each, None) is not None)
        for each in cleared:
            self._tell(each)
        return cleared

    def active(self) -> list[ActiveFault]:
        """Answer what is on now."""
        return [fault for name in tuple(self._active) if (fault := self._current(name))]

    def peek(self, name: str, *, connection: int = 0) -> ActiveFault | None:
        """Answer fault *name* when it is on for this connection, without counting a hit."""
        fault = self._current(name)
        if fault is None:
            return None
        which = fault.parameters.get("connections", "all")
        if which == "existing" and connection > fault.last_connection:
            return None
        if which == "new" and connection <= fault.last_connection:
            return None
        return fault

    def strike(self, name: str, *, connection: int = 0) -> ActiveFault | None:
        """As `peek`, and count the hit; the last of `times` switches the fault off."""
        fault = self.peek(name, connection=connection)
        return fault if fault is None else self._hit(fault)

    def strike_rest(self, name: str, method: str, path: str) -> ActiveFault | None:
        """As `strike`, for a REST request that matches the fault's method and path."""
        fault = self._current(name)
        if fault is None or fault.parameters.get("method", "*") not in ("*", method):
            return None
        pattern = fault.parameters.get("path", "*")
        if not fnmatchcase(path, str(pattern)):
            return None
        return self._hit(fault)

    def _hit(self, fault: ActiveFault) -> ActiveFault:
        fault.hits += 1
        times = fault.parameters.get("times")
        if times is not None and fault.hits >= fault.number("times"):
            self.clear(fault.name)
        return fault

    def _current(self, name: str) -> ActiveFault | None:
        fault = self._active.get(name)
        if fault is None:
            return None
        for_s = fault.parameters.get("for_s")
        if for_s is not None and self.clock() - fault.since_s >= fault.number("for_s"):
            self.clear(name)
            return None
        return fault

    def _tell(self, name: str) -> None:
        for listener in tuple(self.listeners):
            listener(name)


def is_standing(name: str) -> bool:
    """Answer whether *name* is a standing fault of the table."""
    return name in FAULTS and FAULTS[name].standing
