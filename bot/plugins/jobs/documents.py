"""The files that an export makes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

FORMAT = 1
MAX_ROWS = 10_000
MAX_BYTES = 8 * 1024 * 1024  # Discord takes 10 MiB of a bot


def plain(value: object) -> object:
    """Answer *value* as JSON can hold it: ids as text, since they exceed what JavaScript can."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return str(value) if abs(value) >= 2**53 else value
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case Sequence():
            return [plain(each) for each in value]
        case _:
            return str(value)


def document(
    what: str, rows: Sequence[Mapping[str, Any]], *, guild_id: int, at: datetime, total: int
) -> bytes:
    """Answer an export as UTF-8 JSON of at most `MAX_BYTES`, the newest rows if not all fit.

    Args:
        rows: The newest first.
        total: How many rows there are in the database.
    """
    kept = [json.dumps(plain(row), ensure_ascii=False) for row in rows[:MAX_ROWS]]
    size = 0
    for index, row in enumerate(kept):
        size += len(row.encode()) + 4
        if size > MAX_BYTES - 1000:  # the head needs some
            kept = kept[:index]
            break
    head = {
        "format": FORMAT,
        "what": what,
        "guild_id": str(guild_id),
        "exported_at": at.isoformat(),
        "total": total,
        "complete": len(kept) == total,
    }
    body = ",\n  ".join(kept)
    return f'{json.dumps(head)[:-1]}, "rows": [\n  {body}\n]}}\n'.encode()
