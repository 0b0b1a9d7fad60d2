"""Spans of time as people write them: `10m`, `1h30`, `2 days`, `90 seconds`, `P1DT2H`. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

MAX_DURATION = timedelta(days=3653)  # ten years
MAX_TEXT = 64  # characters
_MAX_DIGITS = 12

_NAMES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ("s", "sec", "secs", "second", "seconds")),
    (60, ("m", "min", "mins", "minute", "minutes")),
    (3600, ("h", "hr", "hrs", "hour", "hours")),
    (86_400, ("d", "day", "days")),
    (604_800, ("w", "wk", "wks", "week", "weeks")),
)
_SECONDS = {name: seconds for seconds, names in _NAMES for name in names}
_UNITS = "|".join(sorted(_SECONDS, key=len, reverse=True))
_PART = re.compile(
    r"(?:and\s+)?(?:(?P<hours>[0-9]{1,4})h(?P<minutes>[0-5][0-9])(?![0-9a-z:.])"  # 1h30
    rf"|(?P<number>[0-9]{{1,{_MAX_DIGITS}}}(?:\.[0-9]{{1,6}}|,[0-9]{{1,2}})?)"
    rf"\s*(?P<unit>{_UNITS})(?![a-z]))\s*,?\s*"
)
_ISO = re.compile(
    r"p(?:(?P<w>[0-9]{1,12})w)?(?:(?P<d>[0-9]{1,12})d)?"
    r"(?:t(?:(?P<h>[0-9]{1,12})h)?(?:(?P<m>[0-9]{1,12})m)?(?:(?P<s>[0-9]{1,12})s)?)?"
)
_LONG = ((604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class DurationError(ValueError):
    """What was written is no duration that can be used; the text says why, for the user."""


class UnusableDurationError(DurationError):
    """It is a duration: nothing, negative, too long, or one that says a unit twice."""


def parse_duration(text: str) -> timedelta:
    """Answer the duration that *text* means, more than nothing and at most ten years.

    A unit comes once; ISO 8601 (`P1DT2H`) is understood without months and years, which have no
    fixed length.

    Raises:
        UnusableDurationError: *text* is one, but not such a one.
        DurationError: *text* is none, or has no unit.
    """
    written = text.strip().lower()
    if not written or len(written) > MAX_TEXT:
        raise DurationError("A duration looks like `10m`, `1h30m` or `2 days`.")
    if re.fullmatch(r"[0-9.]+", written):
        raise DurationError(f"`{written}` what? Add a unit: `{written}m`, `{written}h`, ….")
    if written.startswith("-"):
        raise UnusableDurationError("A duration can't be negative.")
    seconds = _iso_seconds(written) if written.startswith("p") else _seconds(written)
    if seconds > MAX_DURATION.total_seconds():
        raise UnusableDurationError("That is longer than ten years, the most that I can do.")
    # Below a millisecond nothing can be kept.
    duration = timedelta(milliseconds=int(seconds * 1000))
    if not duration:
        raise UnusableDurationError("That is no time at all.")
    return duration


def leading_duration(text: str) -> tuple[timedelta, str] | None:
    """Answer the longest duration that *text* begins with, and the rest; None when it has none.

    Raises:
        UnusableDurationError: it is none that can be used.
    """
    end = _end_of_parts(text)
    if end == 0:
        return None
    return parse_duration(text[:end].rstrip(" ,")), text[end:]


def format_duration(duration: timedelta) -> str:
    """Answer *duration* in words, exact to the second: `1 day 2 hours`."""
    left = int(duration.total_seconds())
    parts: list[str] = []
    for length, name in _LONG:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts) or "0 seconds"


def _end_of_parts(text: str) -> int:
    at, lowered = 0, text.lower()
    while match := _PART.match(lowered, at):
        at = match.end()
    return at


def _seconds(written: str) -> float:
    at, seconds, seen = 0, 0.0, set[int]()
    while match := _PART.match(written, at):
        for number, name in _numbers(match):
            unit = _SECONDS[name]
            if unit in seen:
                raise UnusableDurationError(f"`{name}` comes twice.")
            seen.add(unit)
            seconds += float(number.replace(",", ".")) * unit
        at = match.end()
    if at == 0 or at < len(written):
        raise DurationError("A duration looks like `10m`, `1h30m` or `2 days`.")
    return seconds


def _numbers(part: re.Match[str]) -> tuple[tuple[str, str], ...]:
    if part["unit"] is None:
        return (part["hours"], "h"), (part["minutes"], "m")
    return ((part["number"], part["unit"]),)


def _iso_seconds(written: str) -> float:
    match = _ISO.fullmatch(written)
    found = {} if match is None else {k: int(v) for k, v in match.groupdict().items() if v}
    if not found:
        raise DurationError("An ISO 8601 duration looks like `P1DT2H`, without months and years.")
    return float(sum(count * _SECONDS[unit] for unit, count in found.items()))
