"""A gateway session, and the seam where a later process picks it up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far an earlier process came with a session.

    Attributes:
        received: Sequence of the last event that it received.
        received_at_s: Unix time of that, in seconds.
        unfinished: Sequences of events that it did not finish, each with how often it was begun.
        clean: It ended in order; what is unfinished did not kill it.
    """

    received: int
    received_at_s: float
    unfinished: Mapping[int, int] = field(default_factory=dict)
    clean: bool = False

    @property
    def resume_from(self) -> int:
        """The sequence to RESUME with: everything after it is replayed."""
        return min((sequence - 1 for sequence in self.unfinished), default=self.received)


class Journal(Protocol):
    """Keeps what a new process needs to continue a session; called in the loop, must not wait."""

    def on_session(self, shard_id: int, session: Session | None) -> None:
        """A session began (with READY's sequence), or, with None, can't be resumed any more."""

    def on_dispatch(self, dispatch: Dispatch) -> None:
        """An event came and is about to be parsed; READY begins the journal anew."""

    def on_refused(self, shard_id: int, sequence: int) -> None:
        """An event could not be parsed: a cache is restored without it, too."""

    def on_begun(self, shard_id: int, sequence: int, attempt: int) -> None:
        """The event is being handled, for the *attempt*-th time; it is unfinished from now on."""

    def on_finished(self, shard_id: int, sequence: int) -> None:
        """An event that was begun is finished."""

    async def flush(self) -> None:
        """Answer once everything noted so far is on disk, or can't be written."""


class NoJournal:
    """Keeps nothing: a new process begins a new session."""

    def on_session(self, shard_id: int, session: Session | None) -> None:
        """Forget."""

    def on_dispatch(self, dispatch: Dispatch) -> None:
        """Forget."""

    def on_refused(self, shard_id: int, sequence: int) -> None:
        """Forget."""

    def on_begun(self, shard_id: int, sequence: int, attempt: int) -> None:
        """Forget."""

    def on_finished(self, shard_id: int, sequence: int) -> None:
        """Forget."""

    async def flush(self) -> None:
        """Answer at once."""
