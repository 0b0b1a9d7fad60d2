"""The wall clock, for those to whom a test gives another one."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Answer the wall clock's time, aware."""
    return datetime.now(UTC)
