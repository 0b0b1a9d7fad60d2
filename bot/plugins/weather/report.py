"""What a weather service told, and what is a place to ask for. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from bot.outbound.weather_source import NAMES, NUMBERS, Path, Source

MAX_PLACE = 80  # characters
MAX_WORDS = 200


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
    seen = "".join(each if each.isprintable() else " " for each in str(value)[: 10 * MAX_WORDS])
    return " ".join(seen.split())[:MAX_WORDS] or None
