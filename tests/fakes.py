"""Stand-ins that tests share; each is the smallest honest version of what it stands for."""

from __future__ import annotations


class FakeClock:
    """A monotonic clock that moves when told to."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let *seconds* go by."""
        self.now_s += seconds


class FakeDraw:
    """Random numbers in [0, 1) that a test chose, over and over in their order."""

    def __init__(self, *draws: float) -> None:
        self._draws, self.drawn = draws or (0.0,), 0

    def __call__(self) -> float:
        self.drawn += 1
        return self._draws[(self.drawn - 1) % len(self._draws)]
