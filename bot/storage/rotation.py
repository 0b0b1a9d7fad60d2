"""When a backup is due, how it is named, and which old ones go. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

KEEP_DAYS, KEEP_WEEKS = 7, 4
NIGHT_HOUR = 3  # UTC; the backup of a day is made from this hour on
_NAME = re.compile(r"novera-(\d{8}-\d{6})\.db")
_TIME = "%Y%m%d-%H%M%S"


def name_at(at: datetime) -> str:
    """Answer the file's name of a backup made *at*."""
    return f"novera-{at.astimezone(UTC).strftime(_TIME)}.db"


def made_at(name: str) -> datetime | None:
    """Answer when the backup *name* was made; None when it is not one of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.strptime(found.group(1), _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_due(names: Iterable[str], now: datetime) -> bool:
    """Answer whether there is no backup since the last night began.

    A bot that was down at night makes up for it when it starts.
    """
    night = now.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    if now < night:
        night -= timedelta(days=1)
    # One of the future is of a clock that was wrong: it must not keep backups away until then.
    return not any(night <= at <= now for at in map(made_at, names) if at is not None)


def surplus(names: Iterable[str]) -> list[str]:
    """Answer the backups that may go, oldest first; what is not ours is never among them.

    Of each day the newest one counts. Those of the last `KEEP_DAYS` days that have one stay, and
    of the days before the last one of each of `KEEP_WEEKS` weeks (Monday to Sunday, UTC).
    """
    newest_first = sorted(
        ((at, name) for name in names if (at := made_at(name)) is not None), reverse=True
    )
    days: dict[date, str] = {}
    for at, name in newest_first:
        days.setdefault(at.date(), name)
    in_order = list(days.items())
    weeks: dict[object, str] = {}
    for day, name in in_order[KEEP_DAYS:]:
        weeks.setdefault(day.isocalendar()[:2], name)
    kept = {*(name for _, name in in_order[:KEEP_DAYS]), *list(weeks.values())[:KEEP_WEEKS]}
    return [name for _, name in reversed(newest_first) if name not in kept]
