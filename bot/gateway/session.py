"""A gateway session, and the seam where a later process picks it up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What RESUME needs.

    Attributes:
        sequence: Of the last event that was received, None before the first one.
        address: `resume_gateway_url`, None when READY named no usable one.
    """

    session_id: str = field(repr=False)
    sequence: int | None
    address: str | None
    shard_id: int = 0
    shard_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One event as it came.

    Attributes:
        raw: The payload's JSON text.
        data: The same, parsed: the value of ``d``.
    """

    shard_id: int
    sequence: int
    name: str
    raw: str = field(repr=False)
    data: Any = field(repr=False)


class Journal(Protocol):
    """Keeps what a new process needs to continue a session; called in the loop, must not wait."""

    def on_session(self, shard_id: int, session: Session | None) -> None:
        """A session began (with READY's sequence), or, with None, can't be resumed any more."""

    def on_dispatch(self, dispatch: Dispatch) -> None:
        """An event came and is about to be parsed."""


class NoJournal:
    """Keeps nothing: a new process begins a new session."""

    def on_session(self, shard_id: int, session: Session | None) -> None:
        """Forget."""

    def on_dispatch(self, dispatch: Dispatch) -> None:
        """Forget."""
