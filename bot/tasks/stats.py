"""Statistics of tasks by name, in constant memory however many tasks have run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from watchdog.heartbeat import schema

MAX_NAMES = 64  # in an answer, `OTHER` among them
MAX_TRACKED = 256  # names with counts of their own; the busiest `MAX_NAMES` of them are shown
MAX_REMEMBERED = 1024  # task names whose normal form is remembered
MAX_NAME = 64  # characters
OTHER = "other"

Outcome = Literal["completed", "failed", "cancelled"]

_NUMBERS = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # uuid
    r"|(?<![0-9a-zA-Z])[0-9a-fA-F]{16,}(?![0-9a-zA-Z])"  # id of a view
    r"|\d+"
)
_DOUBLED = re.compile(r"([-_./#: ])(?:[-_./#:]| (?=[-_./#: ]))+")
_EDGES = " -_./#:"


def normalise(name: str) -> str:
    """Answer *name* without the numbers and ids that make it unique, at most `MAX_NAME` long.

    ``discord-ui-view-dispatch-123`` becomes ``discord-ui-view-dispatch``, ``Task-17`` ``Task``.
    """
    if name == "None":  # Python 3.13.0 calls tasks so that were given no name
        return "Task"
    bare = _DOUBLED.sub(r"\1", _NUMBERS.sub("", name[: 4 * MAX_NAME])).strip(_EDGES)
    return bare[:MAX_NAME] or "unnamed"


class Durations:
    """Quantiles of durations from counts in buckets that grow geometrically.

    Eight buckets an octave (powers of two, in microseconds) keep an answer within 6 % of the truth.
    When `KEEP` were added all counts are halved: old durations fade, so that the quantiles speak of
    the last few thousand tasks and not of last month.
    """

    KEEP = 8192
    _BUCKETS = 44 * 8  # up to 2^46 µs, two years

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self.total = 0
        self._counts = [0] * self._BUCKETS

    def add(self, duration_s: float) -> None:
        """Count one duration in seconds; what is negative counts as nothing."""
        index = int(duration_s * 1e6)
        if index >= 8:
            octave = index.bit_length()
            index = min((octave - 3) * 8 + (index >> octave - 4) - 8, self._BUCKETS - 1)
        elif index < 0:
            index = 0
        self._counts[index] += 1
        self.total += 1
        if self.total >= self.KEEP:
            self._counts = [count >> 1 for count in self._counts]
            self.total = sum(self._counts)

    def quantile_ms(self, share: float) -> float | None:
        """Answer the duration that *share* of all do not exceed, in ms; None before the first."""
        counts = self._counts[:]  # another thread may ask while the loop adds
        total = sum(counts)
        if not total:
            return None
        wanted, seen = share * total, 0
        for index, count in enumerate(counts):
            seen += count
            if count and seen >= wanted:
                return round(_middle_us(index) / 1000, 3)
        raise AssertionError("the counts add up to their sum")


def _middle_us(index: int) -> float:
    """Answer the middle of a bucket, in microseconds."""
    octave, part = divmod(index, 8)
    if octave == 0:
        return float(part)
    low = (8 + part) << (octave - 1)
    return low + ((1 << (octave - 1)) - 1) / 2


@dataclass(slots=True)
class NameStatistics:
    """Ended tasks of one name; those that run are counted where they run."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    durations: Durations = field(default_factory=Durations)

    @property
    def ended(self) -> int:
        """How many ended, one way or another."""
        return self.completed + self.failed + self.cancelled


class TaskStatistics:
    """Ended tasks by normal name; names past `MAX_TRACKED` are counted together as `OTHER`."""

    def __init__(self) -> None:
        self._names: dict[str, NameStatistics] = {}
        self._remembered: dict[str, NameStatistics] = {}

    def ended(self, name: str, outcome: Outcome, duration_s: float) -> None:
        """Count one task that ended after *duration_s* seconds."""
        # Most names are unique by a number at their end: what is before it is worth remembering.
        stem = name.rstrip("0123456789")
        statistics = self._remembered.get(stem)
        if statistics is None:
            statistics = self._of(stem)
        if outcome == "completed":
            statistics.completed += 1
        elif outcome == "failed":
            statistics.failed += 1
        else:
            statistics.cancelled += 1
        statistics.durations.add(duration_s)

    def _of(self, name: str) -> NameStatistics:
        normal = normalise(name)
        statistics = self._names.get(normal)
        if statistics is None:
            if len(self._names) >= MAX_TRACKED - 1:
                normal = OTHER
            statistics = self._names.setdefault(normal, NameStatistics())
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[name] = statistics
        return statistics

    def snapshot(self, running: Iterable[tuple[str, float]]) -> schema.Tasks:
        """Answer all counts, for any thread.

        Args:
            running: Name and age in seconds of every task that runs now.
        """
        names = self._names.copy()
        ages: dict[str, list[float]] = {}
        for name, age_s in running:
            ages.setdefault(normalise(name), []).append(age_s)
        order = sorted(
            {*names, *ages}, key=lambda name: (len(ages.get(name, ())), _ended(names, name)),
            reverse=True,
        )  # fmt: skip
        shown = order if len(order) <= MAX_NAMES else [n for n in order if n != OTHER]
        kept = shown[: MAX_NAMES if shown is order else MAX_NAMES - 1]
        by_name = {
            name: _answer([names[name]] if name in names else [], ages.get(name, []))
            for name in kept
        }
        rest = [name for name in order if name not in by_name]
        if rest:
            by_name[OTHER] = _answer(
                [names[name] for name in rest if name in names],
                [age_s for name in rest for age_s in ages.get(name, ())],
            )
        return schema.Tasks(
            active=sum(part.active for part in by_name.values()),
            created=sum(part.created for part in by_name.values()),
            completed=sum(part.completed for part in by_name.values()),
            failed=sum(part.failed for part in by_name.values()),
            cancelled=sum(part.cancelled for part in by_name.values()),
            by_name=by_name,
        )


def _ended(names: dict[str, NameStatistics], name: str) -> int:
    return names[name].ended if name in names else 0


def _answer(ended: list[NameStatistics], ages_s: list[float]) -> schema.TaskName:
    completed = sum(part.completed for part in ended)
    failed = sum(part.failed for part in ended)
    cancelled = sum(part.cancelled for part in ended)
    alone = ended[0].durations if len(ended) == 1 else None  # quantiles can't be added up
    return schema.TaskName(
        active=len(ages_s),
        created=completed + failed + cancelled + len(ages_s),
        completed=completed,
        failed=failed,
        cancelled=cancelled,
        p50_ms=alone.quantile_ms(0.5) if alone else None,
        p99_ms=alone.quantile_ms(0.99) if alone else None,
        oldest_s=round(max(ages_s), 3) if ages_s else None,
    )
