"""What can go wrong when somebody drives the simulator. Pure."""

from __future__ import annotations

from collections.abc import Sequence


class SimulatorError(Exception):
    """Base of the simulator's own errors."""


class UnknownNameError(SimulatorError):
    """Nothing, or more than one thing, has this name."""

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        self.what, self.name, self.known = what, name, tuple(known)
        shown = ", ".join(self.known[:20]) or "none"
        super().__init__(f"no single {what} is named {name!r}; there are: {shown}")


class RefusedError(SimulatorError):
    """A real user, or Discord, could not do this; the text says why."""


class ControlError(SimulatorError):
    """The control API answered with an error."""

    def __init__(self, verb: str, status: int, message: str) -> None:
        self.verb, self.status = verb, status
        super().__init__(f"{verb} answered {status}: {message}")
