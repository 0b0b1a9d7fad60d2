"""Names of time zones, as users write them."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.moments.moments import FIXED

if TYPE_CHECKING:
    from datetime import tzinfo

MAX_NAME = 64
DEFAULT = "UTC"
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])([0-9]{1,2})(?::?00)?")


def zone(name: str) -> tzinfo:
    """Answer the zone of a name that was valid once; UTC if it is no longer known here."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # not at the start

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(DEFAULT)


def valid_timezone(text: str) -> str | None:
    """Answer the name of the IANA time zone that *text* means in whatever case; None without.

    A city alone is enough where there is one of that name, and `UTC+2` is a zone without summer
    time. Reads files when it is asked first, as does `suggestions`: to be asked in a thread.
    """
    written = "_".join(text.casefold().split())
    if len(written) > MAX_NAME:
        return None
    names = _names()
    if written in names:
        return names[written]
    if match := _OFFSET.fullmatch(written):
        sign = "-" if match[1] == "+" else "+"
        return names.get(f"{FIXED.casefold()}{sign}{int(match[2])}")
    there = [name for key, name in names.items() if key.rpartition("/")[2] == written]
    return there[0] if len(there) == 1 else None


def suggestions(text: str, limit: int = 5) -> list[str]:
    """Answer the names that *text* may have meant, likely ones first."""
    written = "_".join(text.casefold().split())[:MAX_NAME]
    names = {key: name for key, name in _names().items() if not name.startswith("Etc/")}
    if not written:
        return [name for name in _COMMON if name.casefold() in names][:limit]
    cities = {key.rpartition("/")[2]: key for key in sorted(names, reverse=True)}
    inside = sorted(
        (key for key in names if written in key),
        key=lambda key: (not key.rpartition("/")[2].startswith(written), key),
    )
    close = difflib.get_close_matches(written, names, n=limit)
    near = [cities[city] for city in difflib.get_close_matches(written, cities, n=limit)]
    found = dict.fromkeys((*inside, *near, *close))
    return [names[key] for key in found][:limit]


_COMMON = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    from zoneinfo import available_timezones  # reads files: not at the start

    return {
        name.casefold(): name
        for name in sorted(available_timezones())
        if not name.startswith(("posix", "right")) and name not in ("localtime", "Factory")
    }
