"""What was told lately, so that a place that everybody asks for is asked for once. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Generic[T]):
    """A value and when it came, in monotonic seconds."""

    value: T
    at_s: float


class Cache(Generic[T]):
    """At most *size* values, each for *ttl_s* seconds; the one that came first goes first."""

    def __init__(self, *, size: int, ttl_s: float) -> None:
        self._size, self._ttl_s = size, ttl_s
        self._kept: OrderedDict[str, Kept[T]] = OrderedDict()

    def get(self, key: str, *, now_s: float) -> Kept[T] | None:
        """Answer what is kept under *key*, None when it is too old or was never there."""
        kept = self._kept.get(key)
        if kept is not None and now_s - kept.at_s >= self._ttl_s:
            del self._kept[key]
            return None
        return kept

    def put(self, key: str, value: T, *, now_s: float) -> Kept[T]:
        """Keep *value*, and answer it as it is kept."""
        self._kept.pop(key, None)
        kept = self._kept[key] = Kept(value=value, at_s=now_s)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return kept
