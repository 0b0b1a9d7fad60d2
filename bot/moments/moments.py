"""Points of time as people write them, as far as no library is needed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.moments.durations import (
    MAX_DURATION,
    DurationError,
    UnusableDurationError,
    leading_duration,
    parse_duration,
)

MAX_WHEN = 64  # characters
MAX_WORDS = 8  # of a time at the beginning of a text
FIXED = "Etc/GMT"  # zones without summer time, in whose names the sign is the other way round
_DAY = timedelta(days=1)
_STAMP = re.compile(r"<t:(-?[0-9]{1,13})(?::[tTdDfFsSR])?>")
_IN = re.compile(r"in\s+(?=[-0-9])", re.IGNORECASE)
_QUOTED = re.compile(r'\s*(?:"([^"]*)"|“([^”]*)”|\'([^\']*)\')\s*(.*)', re.DOTALL)
_WORD = re.compile(r"\S+\s*")
# "tomorrow at 8 tea": neither an hour that is clear nor a text that is meant to begin so.
_AT_NUMBER = re.compile(r"at\s+[0-9]{1,2}\b", re.IGNORECASE)
_OPEN_END = frozenset({"and", "at", "by", "in", "next", "of", "on", "the"})
_AFTER_SPAN = re.compile(r"(?:ago|from\s+now)\b[\s,]*", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:at\s+)?(?:[0-9]{1,2}(?:[:.][0-9]{2})?\s*[ap]m\b|[0-9]{1,2}:[0-9]{2}\b|noon\b|midnight\b)",
    re.IGNORECASE,
)

# What dateparser would make something of, or leave out without a word.
_ONE_WORD = re.compile(r"(?:(?:at|on|in|by)\s+)?(?:[0-9\s.]+|[a-z]{1,2})", re.IGNORECASE)
_DOTTED_DATE = re.compile(r"\b[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}\b")
_BARE = re.compile(r"[0-9]+(?:st|nd|rd|th|[.,][0-9]+)?")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_MONTH = re.compile(r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*")
_UNIT = re.compile(
    r"[ap]m|of|s|secs?|seconds?|m|mins?|minutes?|hours?|hrs?|h|d|days?|w|wks?|weeks?"
    r"|mos?|months?|y|yrs?|years?|decades?"
)


class MomentError(ValueError):
    """What was written is no time that can be used; the text says why, for the user."""


class NoMomentError(MomentError):
    """What was written is not even a time."""


UNKNOWN = (
    "I don't understand that time. Try `10m`, `1h30m`, `tomorrow 9am`, `friday 18:00` or"
    " `2027-01-31 12:00`."
)


def stamped(at: datetime) -> str:
    """Answer how Discord shows a time: in full, and from now."""
    seconds = int(at.timestamp())
    return f"<t:{seconds}:F> (<t:{seconds}:R>)"


def zone_label(name: str) -> str:
    """Answer the name of a time zone as people read it: `UTC+2` for `Etc/GMT-2`."""
    if name == FIXED or not name.startswith(FIXED):
        return name
    return f"UTC{name[len(FIXED) :].translate(str.maketrans('+-', '-+'))}"


def plain_when(text: str, now: datetime) -> datetime | None:
    """Answer the time that *text* means if it is a Discord timestamp or a duration.

    Args:
        now: The present, aware.

    Raises:
        NoMomentError: *text* is nothing, too long, or not clear.
        MomentError: it means a time that can't be used.
    """
    written = text.strip()
    if not written:
        raise NoMomentError(UNKNOWN)
    if len(written) > MAX_WHEN:
        raise NoMomentError(f"A time has at most {MAX_WHEN} characters.")
    if match := _STAMP.fullmatch(written):
        return checked(_of_stamp(int(match[1])), now)
    span = _IN.sub("", written, count=1)
    if span[0] in "0123456789-pP":
        try:
            return checked(now + parse_duration(span), now)
        except UnusableDurationError as error:
            raise MomentError(str(error)) from error
        except DurationError:
            pass  # words, or a date
    unclear = _unclear(written)
    if unclear is not None:
        raise NoMomentError(_not_clear(unclear))
    return None


def checked(at: datetime, now: datetime) -> datetime:
    """Answer *at* in UTC.

    Raises:
        MomentError: it is past, or more than ten years away.
    """
    try:
        at = at.astimezone(UTC)
    except OverflowError as error:
        raise MomentError("There is no such time.") from error
    if at <= now:
        raise MomentError(f"That is in the past: I understood {stamped(at)}.")
    if at - now > MAX_DURATION:
        raise MomentError("That is more than ten years away, the most that I can do.")
    return at


def plain_beginning(text: str) -> tuple[str, str] | None:
    """Answer the time that *text* begins with, and the rest, where that is plain to see.

    Raises:
        MomentError: it is none that can be used.
    """
    written = text.lstrip()
    if match := _QUOTED.fullmatch(written):
        return next(part for part in match.groups()[:3] if part is not None), match[4]
    if match := _STAMP.match(written):
        return match[0], written[match.end() :].lstrip()
    start = match.end() if (match := _IN.match(written)) else 0
    try:
        found = leading_duration(written[start:])
    except UnusableDurationError as error:
        raise MomentError(str(error)) from error
    if found is None:
        return None
    span, rest = found
    if span % _DAY == timedelta(0) and (_CLOCK.match(rest) or _AT_NUMBER.match(rest)):
        return None  # "in 2 days at 9am": more than a duration
    if match := _AFTER_SPAN.match(rest):
        rest = rest[match.end() :]
    return written[: len(written) - len(rest)].rstrip(" ,"), rest.lstrip()


def beginnings(text: str) -> Iterator[tuple[str, str]]:
    """Yield the leading words of *text* that may be a time, and the rest, longest first."""
    written = text.lstrip()
    ends: list[int] = []
    for match in _WORD.finditer(written):
        if len(ends) == MAX_WORDS or len(written[: match.end()].rstrip()) > MAX_WHEN:
            break
        ends.append(match.end())
    for end in reversed(ends):
        when = written[:end].rstrip()
        if when.split()[-1].lower() not in _OPEN_END:
            yield when, written[end:]


def check_rest(when: str, rest: str) -> None:
    """Refuse what follows a time without a clock, or no time at all, if it is half a time itself.

    Raises:
        MomentError: *rest* says at what number, and not of what.
    """
    if not _CLOCK.search(when) and (match := _AT_NUMBER.match(rest)):
        raise MomentError(_not_clear(match[0]))


def in_zone(local: datetime, offset_zone: datetime) -> datetime:
    """Answer the wall clock time *local* in the time zone of *offset_zone*.

    A time that the clock skips in spring is as much later; one that comes twice is the first.
    """
    return local.replace(tzinfo=offset_zone.tzinfo)


def has_dotted_date(text: str) -> bool:
    """Whether *text* has a date such as 3.4.2027, in which the day comes first everywhere."""
    return _DOTTED_DATE.search(text) is not None


def _not_clear(text: str) -> str:
    shown = text.replace("`", "")
    return f"`{shown}` is not clear. Write `10m`, `10:00`, `10am`, `may 10` or `2027-01-31`."


def _unclear(written: str) -> str | None:
    """Answer the part of *written* that may mean this or that; None when all is clear.

    A number may be an hour, a day, a month: what stands beside it must say which.
    """
    if _ONE_WORD.fullmatch(written) and not has_dotted_date(written):
        return written
    words = [word.strip(",.") for word in written.lower().split()]
    months = [index for index, word in enumerate(words) if _MONTH.fullmatch(word)]
    if months and len(words) - (words[0] in ("in", "by", "on")) == 1:
        return written
    for index, word in enumerate(words):
        if not _BARE.fullmatch(word):
            continue
        beside_month = any(abs(index - each) == 1 for each in months)
        following = words[index + 1] if index + 1 < len(words) else ""
        is_year = bool(months) and _YEAR.fullmatch(word)
        if not (beside_month or is_year or _UNIT.fullmatch(following)):
            return word
    return None


def _of_stamp(seconds: int) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise MomentError("There is no such time.") from error
