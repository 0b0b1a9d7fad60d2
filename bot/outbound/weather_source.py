"""Whom to ask about the weather, and where its answer holds what, as the settings name it. Pure.

A service answers with JSON. Without WEATHER_FIELDS it is to be flat, with these names; any may be
missing, but one must be there:

    {"place": "Berlin", "summary": "Light rain", "temperature_c": 7.5, "feels_like_c": 5.0,
     "humidity_percent": 93, "wind_kmh": 14.4, "observed_at": "2026-03-01 12:00"}

For any other shape WEATHER_FIELDS says where each is: `temperature_c=current.temp_c` and
`summary=weather.0.description` go into objects by name and into lists by number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

PLACE = "{place}"
NUMBERS = ("temperature_c", "feels_like_c", "humidity_percent", "wind_kmh")
WORDS = ("place", "summary", "observed_at")
NAMES = (*WORDS, *NUMBERS)

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A service.

    Attributes:
        url: With `{place}` in its path or query.
        paths: Where its answer holds what.
    """

    url: str
    paths: Mapping[str, Path]

    def url_for(self, place: str) -> str:
        """Answer the address to ask; *place* can't leave the part that it stands in."""
        return self.url.replace(PLACE, quote(place, safe=""))


def source_of(url: str, fields: Sequence[str]) -> Source:
    """Answer the service that settings name which were checked."""
    return Source(url=checked_url(url), paths=paths_of(fields))


def checked_url(url: str) -> str:
    """Answer the address without what surrounds it.

    Raises:
        ValueError: it can't be asked; no text of it is told, it may hold a key.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that hold no address, or a port that is none
        usable = False
    if not usable:
        raise ValueError("must be an http:// or https:// address")
    if PLACE in parts.netloc or PLACE not in f"{parts.path}?{parts.query}":
        raise ValueError(f"must hold {PLACE} in its path or query, where the place is to stand")
    return url


def paths_of(fields: Sequence[str]) -> Mapping[str, Path]:
    """Answer where an answer holds what.

    Raises:
        ValueError: a field is unknown, or says no place.
    """
    paths: dict[str, Path] = {name: (name,) for name in NAMES}
    for field in fields:
        name, _, where = field.partition("=")
        path = tuple(part for part in where.strip().split(".") if part)
        if name.strip() not in paths or not path:
            raise ValueError(
                f"must look like {NUMBERS[0]}=current.temp_c,…; it may name {', '.join(NAMES)}"
            )
        paths[name.strip()] = path
    return paths
