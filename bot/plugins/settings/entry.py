"""What people write into settings: what it means, or what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches

from bot.guilds.model import MAX_THRESHOLDS, THRESHOLD_ACTIONS, WarnThreshold
from bot.moments.durations import DurationError, format_duration, parse_duration

MAX_PREFIX = 8
MAX_TIMEOUT = timedelta(days=28)  # Discord's
MAX_WARNINGS = 100
SUGGESTIONS = 5
YES, NO = ("yes", "on", "true", "1"), ("no", "off", "false", "0")
_LINE = re.compile(r"\s*(\d{1,4})\s*[:=,\s]\s*([a-z]+)\b\s*(.*?)\s*", re.IGNORECASE)


class EntryError(ValueError):
    """What was written can't be used; the text says why, for people."""


def yes(text: str) -> bool:
    """Answer whether *text* says yes, and not no.

    Raises:
        EntryError: it says neither.
    """
    said = text.strip().casefold()
    if said not in (*YES, *NO):
        raise EntryError("Write `yes` or `no`.")
    return said in YES


def prefix(text: str) -> str:
    """Answer the prefix that *text* means.

    Raises:
        EntryError: it would be taken for ordinary talk, or can't be typed as a command.
    """
    written = text.strip()
    if not 1 <= len(written) <= MAX_PREFIX or any(each.isspace() for each in written):
        raise EntryError(f"A prefix has 1 to {MAX_PREFIX} characters and no spaces.")
    if written[-1].isalnum():
        raise EntryError(
            "A prefix must not end in a letter or a digit, since it would begin ordinary words; "
            f"`{written[: MAX_PREFIX - 1]}!` is one."
        )
    if written[0] in "/<@#" or "`" in written or not written.isprintable():
        raise EntryError("Discord keeps `/`, `@`, `#`, `<` and backticks for itself.")
    return written


def timezone(text: str, known: Iterable[str]) -> str:
    """Answer the one of the *known* zones that *text* means, also by its city alone.

    Raises:
        EntryError: there is none, or several; it names those that may be meant.
    """
    written = "_".join(text.strip().lower().split())[:64]
    by_name = {name.lower(): name for name in sorted(known)}
    if written in by_name:
        return by_name[written]
    cities: dict[str, list[str]] = {}
    for lowered, name in by_name.items():
        cities.setdefault(lowered.rpartition("/")[2], []).append(name)
    there = cities.get(written, [])
    if len(there) == 1:
        return there[0]
    near = there or [
        *(by_name[each] for each in get_close_matches(written, by_name, SUGGESTIONS, 0.7)),
        *(name for city in get_close_matches(written, cities, 3, 0.7) for name in cities[city]),
    ]
    shown = ", ".join(f"`{name}`" for name in list(dict.fromkeys(near))[:SUGGESTIONS])
    hint = f"Did you mean {shown}?" if shown else "One looks like `Europe/Berlin` or `UTC`."
    raise EntryError(f"There is no such time zone. {hint}")


def thresholds(text: str) -> tuple[WarnThreshold, ...]:
    """Answer the thresholds of *text*, one to a line or `;`: `3 timeout 1h`, `5 kick`, `7 ban`.

    Raises:
        EntryError: a line means nothing, or two say different things.
    """
    found: dict[int, WarnThreshold] = {}
    for line in re.split(r"[\n;]", text):
        if not line.strip():
            continue
        threshold = _threshold(line)
        if threshold.count in found:
            raise EntryError(f"{threshold.count} warnings come twice.")
        found[threshold.count] = threshold
    if len(found) > MAX_THRESHOLDS:
        raise EntryError(f"At most {MAX_THRESHOLDS} lines are possible.")
    return tuple(found[count] for count in sorted(found))


def _threshold(line: str) -> WarnThreshold:
    match = _LINE.fullmatch(line)
    shown = line.strip().replace("`", "'")[:40]
    if match is None or match[2].lower() not in THRESHOLD_ACTIONS:
        raise EntryError(
            f"`{shown}` is not understood; write lines as `3 timeout 1h`, `5 kick` or `7 ban 30d`."
        )
    count, action, rest = int(match[1]), match[2].lower(), match[3]
    if not 1 <= count <= MAX_WARNINGS:
        raise EntryError(f"`{shown}`: the number of warnings is from 1 to {MAX_WARNINGS}.")
    lasting = _lasting(shown, rest) if rest else None
    if action == "kick" and lasting is not None:
        raise EntryError(f"`{shown}`: a kick has no duration.")
    if action == "timeout" and (lasting is None or lasting > MAX_TIMEOUT):
        raise EntryError(f"`{shown}`: a timeout needs a duration of at most 28 days.")
    duration_s = None if lasting is None else int(lasting.total_seconds())
    return WarnThreshold(count=count, action=action, duration_s=duration_s)


def _lasting(shown: str, text: str) -> timedelta:
    try:
        lasting = parse_duration(text)
    except DurationError as error:
        raise EntryError(f"`{shown}`: {error}") from error
    if lasting < timedelta(seconds=1):
        raise EntryError(f"`{shown}`: a duration is a second at least.")
    return lasting


def written(chosen: Iterable[WarnThreshold]) -> str:
    """Answer *chosen* as `thresholds` reads them."""
    lines = []
    for each in chosen:
        lasting = (
            f" {format_duration(timedelta(seconds=each.duration_s))}" if each.duration_s else ""
        )
        lines.append(f"{each.count} {each.action}{lasting}")
    return "\n".join(lines)
