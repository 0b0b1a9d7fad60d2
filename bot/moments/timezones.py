"""Names of time zones, as users write them."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MAX_NAME = 64
DEFAULT = "UTC"


def zone(name: str) -> ZoneInfo:
    """Answer the zone of a name that `valid_timezone` has answered."""
    from zoneinfo import ZoneInfo  # not at the start

    return ZoneInfo(name)


def valid_timezone(text: str) -> str | None:
    """Answer the name of the IANA time zone that *text* means in whatever case; None without."""
    written = text.strip().replace(" ", "_").casefold()
    return _names().get(written) if len(written) <= MAX_NAME else None


def suggestions(text: str, limit: int = 5) -> list[str]:
    """Answer the names that *text* may have meant, likely ones first."""
    written = text.strip().replace(" ", "_").casefold()[:MAX_NAME]
    names = _names()
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
        if not name.startswith(("posix", "right", "Etc/")) and name not in ("localtime", "Factory")
    }
