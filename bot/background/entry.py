"""What is known of a background job, and what becomes of it in another process. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

Status = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
STATUSES: tuple[Status, ...] = get_args(Status)
# Those that may still be worked on; a cancelled job is over, but perhaps nobody was told yet.
OPEN: tuple[Status, ...] = ("queued", "running")

Fate = Literal["leave", "wait", "resume", "interrupt", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job was asked for.

    Attributes:
        origin: Id of the message or interaction that asked; None for what nobody asked.
    """

    guild_id: int | None
    channel_id: int | None
    user_id: int
    origin: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A job as the database has it.

    Attributes:
        message_id: Where its progress is shown; None while, or since, there is no such message.
        checkpoint: What its code kept for a resume.
        instance: Of the process that has it.
        finished_at: When all was settled, so that nothing is left to do or to tell.
    """

    id: int
    kind: str
    title: str
    place: Place
    message_id: int | None
    priority: int
    args: Mapping[str, Any]
    checkpoint: Mapping[str, Any]
    status: Status
    done: int
    total: int | None
    note: str | None
    error: str | None
    instance: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def began(self) -> bool:
        """Whether any of its work may have been done."""
        return self.started_at is not None


def instance_name(application_id: int | None, token: str) -> str:
    """Answer the name of a process; two bots may share a database, and not each other's jobs."""
    return f"{application_id or 0}:{token}"


def owner_of(instance: str) -> str:
    """Answer whose jobs those of *instance* are."""
    return instance.partition(":")[0]


def fate(entry: Entry, *, instance: str, resumable: bool | None) -> Fate:
    """Answer what the process named *instance* does with a job that it finds.

    Args:
        resumable: Of the job's kind; None when no plugin that is loaded knows the kind.
    """
    mine = owner_of(entry.instance) == owner_of(instance)
    if entry.instance == instance or not mine or entry.finished_at is not None:
        return "leave"
    if resumable is None:
        return "wait"
    if entry.status not in OPEN:
        return "settle"
    return "resume" if resumable or not entry.began else "interrupt"


def may_cancel(entry: Entry, *, user_id: int, guild_id: int | None, manages_guild: bool) -> bool:
    """Answer whether a user may end a job: who asked for it, or a manager of its guild."""
    if user_id == entry.place.user_id:
        return True
    return manages_guild and guild_id is not None and guild_id == entry.place.guild_id
