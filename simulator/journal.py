"""What happened, in order and bounded, and a way to wait for more of it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from itertools import takewhile
from typing import Any, TypeVar

Answer = TypeVar("Answer")
Entry = dict[str, Any]


class Log:
    """A bounded list of entries, each with an `index` that never repeats and `at_s`.

    `at_s` is this machine's monotonic clock, which other processes on it share.
    """

    def __init__(self, size: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self._index = 0

    def add(self, **fields: Any) -> Entry:
        """Append an entry and answer it."""
        self._index += 1
        entry: Entry = {"index": self._index, "at_s": time.monotonic(), **fields}
        self._entries.append(entry)
        return entry

    @property
    def last_index(self) -> int:
        """Index of the newest entry, 0 when there never was one."""
        return self._index

    def after(self, index: int) -> list[Entry]:
        """Answer the entries newer than *index*, oldest first; costs what it answers."""
        newer = list(takewhile(lambda entry: entry["index"] > index, reversed(self._entries)))
        newer.reverse()
        return newer


class Waiters:
    """Those who wait until something becomes true, woken by topic.

    Whoever changes state rings the topic; only probes waiting on it are asked again.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[Callable[[], None]]] = {}
        self._closed = False
        self._futures: set[asyncio.Future[None]] = set()

    def ring(self, topic: Hashable) -> None:
        """Ask everybody who waits on *topic* to look again."""
        for check in tuple(self._waiting.get(topic, ())):
            check()

    async def until(
        self, topic: Hashable, probe: Callable[[], Answer | None], *, timeout_s: float
    ) -> Answer | None:
        """Answer the first value of *probe* that is not None, or None after *timeout_s*."""
        answer = probe()
        if answer is not None or timeout_s <= 0 or self._closed:
            return answer
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        found: list[Answer] = []

        def check() -> None:
            value = probe()
            if value is not None and not future.done():
                found.append(value)
                future.set_result(None)

        self._waiting.setdefault(topic, []).append(check)
        self._futures.add(future)
        try:
            await asyncio.wait({future}, timeout=timeout_s)
        finally:
            future.cancel()
            self._futures.discard(future)
            checks = self._waiting[topic]
            checks.remove(check)
            if not checks:
                del self._waiting[topic]
        return found[0] if found else None

    def close(self) -> None:
        """Let everybody go who waits, empty-handed."""
        self._closed = True
        for future in tuple(self._futures):
            if not future.done():
                future.set_result(None)
