"""Rules of repetition: every so long, or every so many days at a time of the user's clock. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from bot.moments.durations import (
    DurationError,
    format_duration,
    leading_duration,
    parse_duration,
)

MIN_STEP = timedelta(minutes=10)
MAX_STEP = timedelta(days=366)
_DAY = timedelta(days=1)
_WORDS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "every hour": timedelta(hours=1),
    "every day": timedelta(days=1),
    "every week": timedelta(days=7),
}
_WORD = re.compile(rf"(?:{'|'.join(_WORDS)})\b[\s,]*", re.IGNORECASE)
_EVERY = re.compile(r"every\s+(?=[0-9])", re.IGNORECASE)


class RepeatError(ValueError):
    """What was written is no rule that can be used; the text says why, for the user."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Again after *step*; whole days are counted on the user's calendar.

    Attributes:
        at: Of whole days, the time of the user's clock, which a change of that clock must not
            wear away.
    """

    step: timedelta
    at: time | None = None

    @property
    def is_daily(self) -> bool:
        """Whether it is counted in days of the calendar."""
        return self.step % _DAY == timedelta(0)


def parse_repeat(text: str) -> Repeat:
    """Answer the rule that *text* is, such as `daily`, `every 2 hours` or `3d`.

    Raises:
        RepeatError: it is none, or out of bounds.
    """
    written = " ".join(text.lower().split())
    step = _WORDS.get(written)
    if step is None:
        try:
            step = parse_duration(_EVERY.sub("", written))
        except DurationError as error:
            raise RepeatError(f"How often? `daily`, `weekly` or `every 2h`. {error}") from error
    return _bounded(step)


def leading_repeat(text: str) -> tuple[Repeat, str] | None:
    """Answer the rule that *text* begins with, and the rest; None when it begins with none.

    Raises:
        RepeatError: it is out of bounds.
    """
    written = text.lstrip()
    if match := _WORD.match(written):
        return parse_repeat(match[0].strip(" ,")), written[match.end() :]
    match = _EVERY.match(written)
    if match is None:
        return None
    try:
        found = leading_duration(written[match.end() :])
    except DurationError as error:
        raise RepeatError(str(error)) from error
    return None if found is None else (_bounded(found[0]), found[1].lstrip())


def anchored(repeat: Repeat, due_at: datetime, zone: tzinfo) -> Repeat:
    """Answer the rule with the time of the user's clock at which it first falls due."""
    if not repeat.is_daily:
        return repeat
    return Repeat(repeat.step, due_at.astimezone(zone).time())


def next_due(repeat: Repeat, due_at: datetime, *, now: datetime, zone: tzinfo) -> datetime:
    """Answer the first time after *due_at* that is to come; what was missed is not made up for.

    A time that the clock skips in spring is as much later on that day alone; one that comes
    twice in autumn is the first.
    """
    behind = max(0, (now - due_at) // repeat.step)
    if not repeat.is_daily:
        return due_at + (behind + 1) * repeat.step
    local = due_at.astimezone(zone)
    at = repeat.at if repeat.at is not None else local.time()
    count = max(1, behind)
    while True:
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
    """Answer what the database keeps."""
    seconds = int(repeat.step.total_seconds())
    return str(seconds) if repeat.at is None else f"{seconds} {repeat.at.isoformat()}"


def from_text(text: str) -> Repeat:
    """Answer the rule that the database has."""
    seconds, _, at = text.partition(" ")
    return Repeat(timedelta(seconds=int(seconds)), time.fromisoformat(at) if at else None)


def described(repeat: Repeat) -> str:
    """Answer the rule in words."""
    names = {timedelta(hours=1): "every hour", _DAY: "every day", 7 * _DAY: "every week"}
    return names.get(repeat.step) or f"every {format_duration(repeat.step)}"


def _bounded(step: timedelta) -> Repeat:
    if step < MIN_STEP:
        raise RepeatError("A reminder can repeat every 10 minutes, not more often.")
    if step > MAX_STEP:
        raise RepeatError("A reminder can repeat once a year, not less often.")
    return Repeat(step)
