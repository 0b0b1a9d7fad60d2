"""Rules of repetition: every so long, or by the days or months of the user's calendar. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.moments.durations import (
    DurationError,
    format_duration,
    leading_duration,
    parse_duration,
)

MIN_STEP = timedelta(minutes=10)
MAX_STEP = timedelta(days=366)
SELDOM = "A reminder can repeat once a year, not less often."
_DAY = timedelta(days=1)
_YEAR = 12  # months
_WORD = re.compile(
    r"(?:hourly|daily|weekly|monthly|yearly|every\s+(?:hour|day|week|month|year))\b[\s,]*",
    re.IGNORECASE,
)
_EVERY = re.compile(r"every\s+(?=[0-9])", re.IGNORECASE)
_MONTHS = re.compile(
    r"(?P<number>[0-9]{1,3})\s*(?:(?P<months>mos?|months?)|y|yrs?|years?)\b[\s,]*", re.IGNORECASE
)
_WEEKDAY = re.compile(
    r"every\s+(?=(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\b)",
    re.IGNORECASE,
)


class RepeatError(ValueError):
    """What was written is no rule that can be used; the text says why, for the user."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Again after *step*, or after *months*; whole days and months are those of the calendar.

    Attributes:
        step: Zero in a rule of months.
        at: Of days and months, the time of the user's clock, which a change of that clock must
            not wear away.
        day: Of months, the day on which it falls; in a month that is shorter, its last one.
    """

    step: timedelta = timedelta(0)
    at: time | None = None
    months: int = 0
    day: int = 0

    @property
    def by_calendar(self) -> bool:
        """Whether it is counted in days or months."""
        return self.step % _DAY == timedelta(0)


_RULES = {
    "hour": Repeat(timedelta(hours=1)),
    "day": Repeat(_DAY),
    "week": Repeat(7 * _DAY),
    "month": Repeat(months=1),
    "year": Repeat(months=_YEAR),
}
_ADVERBS = {"daily": "day"} | {f"{name}ly": name for name in _RULES if name != "day"}
_NAMES = {rule: f"every {name}" for name, rule in _RULES.items()}


def parse_repeat(text: str) -> Repeat:
    """Answer the rule that *text* is, such as `daily`, `every 2 hours`, `3d` or `monthly`.

    Raises:
        RepeatError: it is none, or out of bounds.
    """
    written = text.strip()
    if match := _WORD.fullmatch(written):
        return _named(match[0])
    written = _EVERY.sub("", written)
    if match := _MONTHS.fullmatch(written):
        return _of_months(match)
    try:
        return _bounded(parse_duration(written))
    except DurationError as error:
        raise RepeatError(
            f"How often? `daily`, `weekly`, `monthly` or `every 2h`. {error}"
        ) from error


def leading_repeat(text: str) -> tuple[Repeat, str] | None:
    """Answer the rule that *text* begins with, and the rest; None when it begins with none.

    Of `every friday 18:00` the rest is `friday 18:00`, the first time.

    Raises:
        RepeatError: it is out of bounds.
    """
    written = text.lstrip()
    if match := _WORD.match(written):
        return _named(match[0]), written[match.end() :]
    if match := _WEEKDAY.match(written):
        return _RULES["week"], written[match.end() :]
    if (match := _EVERY.match(written)) is None:
        return None
    written = written[match.end() :]
    if match := _MONTHS.match(written):
        return _of_months(match), written[match.end() :]
    try:
        found = leading_duration(written)
    except DurationError as error:
        raise RepeatError(str(error)) from error
    return None if found is None else (_bounded(found[0]), found[1].lstrip())


def anchored(repeat: Repeat, due_at: datetime, zone: tzinfo) -> Repeat:
    """Answer the rule with the clock's time, and the day of the month, of its first time."""
    if not repeat.by_calendar:
        return repeat
    local = due_at.astimezone(zone)
    day = local.day if repeat.months else 0
    return replace(repeat, at=local.time().replace(fold=0), day=day)


def next_due(repeat: Repeat, due_at: datetime, *, now: datetime, zone: tzinfo) -> datetime:
    """Answer the first time after *due_at* that is to come; what was missed is not made up for.

    Args:
        repeat: As `anchored` answers it.
        zone: Whose calendar it follows. A time that the clock skips in spring is as much later
            on that day alone; one that comes twice in autumn is the first.
    """
    if not repeat.by_calendar:
        return due_at + (max(0, (now - due_at) // repeat.step) + 1) * repeat.step
    local = due_at.astimezone(zone)
    at = repeat.at if repeat.at is not None else local.time()
    count = max(1, (now - due_at) // repeat.step) if repeat.step else 1
    while True:
        if repeat.months:
            day = _months_later(local.date(), count * repeat.months, repeat.day or local.day)
        else:
            day = local.date() + count * repeat.step
        found = datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
        if found > now and found > due_at:
            return found
        count += 1


def tomorrow(now: datetime, zone: tzinfo) -> datetime:
    """Answer the same time of the clock a day later."""
    local = now.astimezone(zone)
    return (local + _DAY).astimezone(UTC)


def to_text(repeat: Repeat) -> str:
    """Answer what the database keeps of a rule that is `anchored`."""
    if repeat.months:
        return f"{repeat.months}mo {repeat.at} {repeat.day}"
    seconds = int(repeat.step.total_seconds())
    return str(seconds) if repeat.at is None else f"{seconds} {repeat.at.isoformat()}"


def from_text(text: str) -> Repeat:
    """Answer the rule that the database has."""
    every, *rest = text.split()
    at = time.fromisoformat(rest[0]) if rest else None
    if every.endswith("mo"):
        return Repeat(months=int(every.removesuffix("mo")), at=at, day=int(rest[1]))
    return Repeat(timedelta(seconds=int(every)), at)


def described(repeat: Repeat) -> str:
    """Answer the rule in words."""
    plain = replace(repeat, at=None, day=0)
    if plain in _NAMES:
        return _NAMES[plain]
    length = f"{repeat.months} months" if repeat.months else format_duration(repeat.step)
    return f"every {length}"


def _named(words: str) -> Repeat:
    name = words.lower().replace(",", " ").split()[-1]
    return _RULES[_ADVERBS.get(name, name)]


def _of_months(match: re.Match[str]) -> Repeat:
    months = int(match["number"]) * (1 if match["months"] else _YEAR)
    if not months:
        raise RepeatError("Every how many months?")
    if months > _YEAR:
        raise RepeatError(SELDOM)
    return Repeat(months=months)


def _months_later(since: date, months: int, day: int) -> date:
    """Answer that day of the month so many months later, or the last one it has."""
    year, month = divmod(since.year * 12 + since.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return first + min(timedelta(days=day - 1), following - first - _DAY)


def _bounded(step: timedelta) -> Repeat:
    if step < MIN_STEP:
        raise RepeatError("A reminder can repeat every 10 minutes, not more often.")
    if step > MAX_STEP:
        raise RepeatError(SELDOM)
    return Repeat(step)
