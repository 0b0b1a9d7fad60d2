"""Times in words, by dateparser: in threads of its own, and imported when first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from bot.moments import timezones
from bot.moments.moments import (
    UNKNOWN,
    MomentError,
    NoMomentError,
    beginnings,
    check_rest,
    checked,
    has_dotted_date,
    in_zone,
    plain_beginning,
    plain_when,
)
from bot.tasks.timeouts import with_timeout

AT_ONCE = 2
TIMEOUT_S = 5.0
BUSY = "I have many times to read right now. Please try again in a moment, or write `10m` or `2h`."
# Never the loop's own threads: those look up names and open files. They start when needed.
_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dates")


async def parse_when(text: str, *, now: datetime, timezone: str) -> datetime:
    """Answer the time that *text* means, in UTC.

    Args:
        text: `<t:…>`, a duration, or words such as `tomorrow 9am`; at most 64 characters.
        now: The present, aware.
        timezone: Whose clock *text* speaks of.

    Raises:
        NoMomentError: it means none.
        MomentError: it means none that can be used; the text says why, for the user.
    """
    plain = plain_when(text, now)
    if plain is not None:
        return plain
    found = await _in_thread([text.strip()], now, timezone)
    if found is None:
        raise NoMomentError(UNKNOWN)
    return checked(found[1], now)


async def parse_beginning(text: str, *, now: datetime, timezone: str) -> tuple[datetime, str]:
    """Answer the time that *text* begins with, the longest that there is, and the rest.

    Raises:
        NoMomentError: it begins with none.
        MomentError: it begins with none that can be used.
    """
    plain = plain_beginning(text)
    if plain is not None:
        return await parse_when(plain[0], now=now, timezone=timezone), plain[1]
    parts = [part for part in beginnings(text) if _may_be_time(part[0], now)]
    found = await _in_thread([when for when, _ in parts], now, timezone)
    when, rest = ("", text.lstrip()) if found is None else parts[found[0]]
    check_rest(when, rest)
    if found is None:
        raise NoMomentError(UNKNOWN)
    return checked(found[1], now), rest


def _may_be_time(text: str, now: datetime) -> bool:
    try:
        plain_when(text, now)
    except MomentError:
        return False
    return True


async def _in_thread(
    texts: Sequence[str], now: datetime, timezone: str
) -> tuple[int, datetime] | None:
    asked = asyncio.get_running_loop().run_in_executor(_threads, _first, texts, now, timezone)
    try:
        return await with_timeout(asked, TIMEOUT_S)
    except TimeoutError as error:
        raise MomentError(BUSY) from error


def _first(texts: Sequence[str], now: datetime, timezone: str) -> tuple[int, datetime] | None:
    """Answer the first of *texts* that dateparser understands, and its time."""
    local_now = now.astimezone(timezones.zone(timezone))
    for index, text in enumerate(texts):
        found = _parsed(text, local_now)
        if found is not None:
            return index, found
    return None


def _parsed(text: str, local_now: datetime) -> datetime | None:
    import dateparser  # slow, and not for the first second

    settings: dict[str, Any] = {
        "PREFER_DATES_FROM": "future",
        "RELATIVE_BASE": local_now.replace(tzinfo=None),
    }
    if has_dotted_date(text):
        settings["DATE_ORDER"] = "DMY"
    try:
        found = dateparser.parse(text, languages=["en"], settings=settings)
    except (ValueError, OverflowError, RecursionError):
        return None  # of strange input
    if found is None:
        return None
    # A text that names a zone itself is meant in that one.
    return found if found.tzinfo is not None else in_zone(found, local_now)
