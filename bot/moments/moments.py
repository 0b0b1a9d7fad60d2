"""Points of time as people write them, as far as no library is needed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.moments.durations import MAX_DURATION, DurationError, leading_duration, parse_duration

MAX_WHEN = 64  # characters
MAX_WORDS = 8  # of a time at the beginning of a text
_STAMP = re.compile(r"<t:(-?[0-9]{1,13})(?::[tTdDfFsSR])?>")
_IN = re.compile(r"in\s+(?=[0-9])", re.IGNORECASE)
# A number alone may be an hour, a day, a month; dateparser takes single letters for units.
_UNCLEAR = re.compile(r"(?:(?:at|on|in|by)\s+)?(?:[0-9\s.]+|[a-z]{1,2})", re.IGNORECASE)
_QUOTED = re.compile(r'\s*(?:"([^"]*)"|“([^”]*)”|\'([^\']*)\')\s*(.*)', re.DOTALL)
_WORD = re.compile(r"\S+\s*")
# "9am 2 apples": dateparser would make something of the 2.
_COUNT = re.compile(r"(?:[ap]m|:[0-9]{2})\s+[0-9]+", re.IGNORECASE)
_AGO = re.compile(r"ago\b", re.IGNORECASE)


class MomentError(ValueError):
    """What was written is no time that can be used; the text says why, for the user."""


UNKNOWN = (
    "I don't understand that time. Try `10m`, `1h30m`, `tomorrow 9am`, `friday 18:00` or"
    " `2027-01-31 12:00`."
)


def stamped(at: datetime) -> str:
    """Answer how Discord shows a time: in full, and from now."""
    seconds = int(at.timestamp())
    return f"<t:{seconds}:F> (<t:{seconds}:R>)"


def plain_when(text: str, now: datetime) -> datetime | None:
    """Answer the time that *text* means if it is a Discord timestamp or a duration.

    Args:
        now: The present, aware.

    Raises:
        MomentError: *text* is too long, unclear, or means a time that can't be used.
    """
    written = text.strip()
    if not written:
        raise MomentError(UNKNOWN)
    if len(written) > MAX_WHEN:
        raise MomentError(f"A time has at most {MAX_WHEN} characters.")
    if match := _STAMP.fullmatch(written):
        return checked(_of_stamp(int(match[1])), now)
    if _UNCLEAR.fullmatch(written):
        raise MomentError(f"`{_shown(written)}` is not clear. Write `10m`, `10:00` or `10am`.")
    span = _IN.sub("", written, count=1)
    if span[0] in "0123456789-pP":
        try:
            return checked(now + parse_duration(span), now)
        except DurationError as error:
            if span[0] == "-" or "longer" in str(error):
                raise MomentError(str(error)) from error
    return None


def checked(at: datetime, now: datetime) -> datetime:
    """Answer *at* in UTC.

    Raises:
        MomentError: it is past, or more than ten years away.
    """
    at = at.astimezone(UTC)
    if at <= now:
        raise MomentError(f"That is in the past: I understood {stamped(at)}.")
    if at - now > MAX_DURATION:
        raise MomentError("That is more than ten years away, the most that I can do.")
    return at


def plain_beginning(text: str) -> tuple[str, str] | None:
    """Answer the time that *text* begins with, and the rest, where that is plain to see."""
    written = text.lstrip()
    if match := _QUOTED.fullmatch(written):
        return next(part for part in match.groups()[:3] if part is not None), match[4]
    if match := _STAMP.match(written):
        return match[0], written[match.end() :].lstrip()
    start = match.end() if (match := _IN.match(written)) else 0
    try:
        found = leading_duration(written[start:])
    except DurationError:
        found = None
    if found is None:
        return None
    rest = found[1]
    if match := _AGO.match(rest):
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
        if not any(match.end() == len(when) for match in _COUNT.finditer(when)):
            yield when, written[end:]


def in_zone(local: datetime, offset_zone: datetime) -> datetime:
    """Answer the wall clock time *local* in the time zone of *offset_zone*, in UTC.

    A time that the clock skips in spring is as much later; one that comes twice is the first.
    """
    return local.replace(tzinfo=offset_zone.tzinfo).astimezone(UTC)


def _of_stamp(seconds: int) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise MomentError("There is no such time.") from error


def _shown(text: str) -> str:
    return text.replace("`", "")
