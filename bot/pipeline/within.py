"""Limits what a handler waits for: most wait for nothing, and cost no timer then."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

from bot.tasks.timeouts import with_timeout

T = TypeVar("T")


async def within(work: Awaitable[T], limit_s: float) -> T:
    """Await *work* as `with_timeout` does; the time begins when it first waits for something.

    Raises:
        TimeoutError: it waited longer than *limit_s* seconds, and has ended since.
    """
    if not isinstance(work, Coroutine):
        return await with_timeout(work, limit_s)
    try:
        awaited = work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    return await with_timeout(_Begun(work, awaited), limit_s)


class _Begun(Generator[Any, Any, T], Awaitable[T]):
    """A coroutine that was begun and waits for *awaited*, to be awaited on from there."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: object) -> None:
        self._work, self._awaited = work, awaited

    def __await__(self) -> Generator[Any, Any, T]:
        return self

    def send(self, value: Any, /) -> Any:
        """Answer what it waits for, or go on."""
        awaited, self._awaited = self._awaited, _TAKEN
        return awaited if awaited is not _TAKEN else self._work.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise where it waits, such as a cancellation."""
        return self._work.throw(*error)

    def close(self) -> None:
        """End it."""
        self._work.close()


_TAKEN = object()
