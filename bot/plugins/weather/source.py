"""Whom to ask about the weather, and where its answer holds what. Pure.

A service answers with JSON. Without WEATHER_FIELDS it is to be flat, with these names; any may be
missing, but one must be there:

    {"place": "Berlin", "summary": "Light rain", "temperature_c": 7.5, "feels_like_c": 5.0,
     "humidity_percent": 93, "wind_kmh": 14.4, "observed_at": "2026-03-01 12:00"}

For any other shape WEATHER_FIELDS says where each is: `temperature_c=current.temp_c` and
`summary=weather.0.description` go into objects by name and into lists by number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

PLACE = "{place}"
MAX_PLACE = 80  # characters
MAX_WORDS = 200
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The weather at a place; what the service did not tell is None.

    Attributes:
        place: As the service calls it.
        observed_at: As the service writes it.
    """

    place: str | None = None
    summary: str | None = None
    observed_at: str | None = None
    temperature_c: float | None = None
    feels_like_c: float | None = None
    humidity_percent: float | None = None
    wind_kmh: float | None = None


def source_of(url: str, fields: Sequence[str]) -> Source:
    """Answer the service that the settings name.

    Raises:
        ValueError: the address or a field can't be used; no text of it is told, it may hold a key.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("WEATHER_URL must be an http:// or https:// address")
    if PLACE in parts.netloc or PLACE not in f"{parts.path}?{parts.query}":
        raise ValueError("WEATHER_URL must hold {place} in its path or query")
    paths: dict[str, Path] = {name: (name,) for name in NAMES}
    for field in fields:
        name, _, where = field.partition("=")
        if name.strip() not in paths:
            raise ValueError(f"WEATHER_FIELDS knows {', '.join(NAMES)} only")
        paths[name.strip()] = tuple(part for part in where.strip().split(".") if part)
    return Source(url=url, paths=paths)


def place_of(text: str) -> str:
    """Answer the place as it is asked for, alike for all who mean the same.

    Raises:
        ValueError: it is no name of a place; the text says why.
    """
    place = " ".join(text.split())
    if not place or len(place) > MAX_PLACE:
        raise ValueError(f"A place has 1 to {MAX_PLACE} characters.")
    if not place.isprintable() or not any(letter.isalnum() for letter in place):
        raise ValueError("That is no name of a place.")
    return place


def read(body: bytes, source: Source) -> Report | None:
    """Answer what a service told, None when nothing of it can be used."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found: dict[str, Any] = {}
    for name, path in source.paths.items():
        value = _at(document, path)
        found[name] = _number(value) if name in NUMBERS else _words(value)
    told = any(found[name] is not None for name in NAMES if name not in ("place", "observed_at"))
    return Report(**found) if told else None


def _at(document: Any, path: Path) -> Any:
    for part in path:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and len(part) < 6:
            document = document[int(part)] if int(part) < len(document) else None
        else:
            return None
    return document


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 10_000 else None


def _words(value: Any) -> str | None:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    words = " ".join(str(value).split())
    return words[:MAX_WORDS] if words else None
