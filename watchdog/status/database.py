"""The database in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.heartbeat.schema import Storage
from watchdog.status.wording import count, duration, words

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
STATES = {
    "closed": "not opened",
    "opening": "being opened",
    "ready": "answers",
    "degraded": "does not answer as it should",
}


def text(storage: Storage) -> str:
    """Answer which one it is and how it does."""
    kind = KINDS.get(storage.kind, storage.kind)
    return f"{kind}, {STATES.get(storage.state, words(storage.state))}"


def rows(storage: Storage) -> Iterator[tuple[str, str]]:
    """Answer a name and a text each; nothing while nobody has asked for a database."""
    if not storage.kind:
        return
    yield "Database", f"{text(storage)} for {duration(storage.state_age_s)}"
    if storage.problem is not None:
        yield "Problem", storage.problem
    if storage.backup_problem is not None:
        yield "Last backup", f"failed: {storage.backup_problem}"
    if storage.failed or storage.retried:
        numbers = f"{count(storage.retried)}, {count(storage.failed)}"
        yield "Transactions run again, failed", numbers
