"""An event loop whose time jumps: a test of sixty seconds takes as long as its callbacks do.

Whenever nothing is left to do but wait for a timer, the loop's clock moves to that timer at once.
Tests of timeouts then depend neither on luck nor on how busy the machine is. Mark a test or a
module of tests/unit with `virtual_time`; threads and sockets need the real loop.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _JumpingSelector:
    """Ask the real selector without waiting, and let the clock jump by what it would wait."""

    def __init__(self, selector: selectors.BaseSelector, loop: VirtualTimeLoop) -> None:
        self._selector, self._loop = selector, loop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = self._selector.select(0)
        if ready:
            return ready
        if timeout is None:  # only another thread could wake the loop now: a test that hangs
            return self._selector.select(5.0)
        self._loop.now_s += max(0.0, timeout)
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose `time` begins at 0 and moves by jumps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__()
        self._selector: Any = _JumpingSelector(self._selector, self)

    def time(self) -> float:
        """Answer the virtual time, in seconds."""
        return self.now_s


async def turns(count: int = 20) -> None:
    """Let the loop turn *count* times without any time going by."""
    for _ in range(count):
        await asyncio.sleep(0)
