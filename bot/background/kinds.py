"""What a plugin says of a kind of job, and what its code gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.background.entry import Status

if TYPE_CHECKING:
    from bot.background.run import Run

Work = Callable[["JobContext"], Awaitable[str | None]]
Ended = Callable[["JobContext", Status], Awaitable[None]]

TIMEOUT_S = 3600.0
RETRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of job.

    Attributes:
        work: Does it; called again after a restart, with what it kept in `JobContext.state`.
            Answers what to tell when it is done. `Refused` is told as it is and ends the job.
        resumable: False for work that can't go on where it stopped: it is reported instead.
        ended: Told how a job ended when that was not by its own code: failed, cancelled or
            interrupted. May be called twice when the process dies meanwhile.
        timeout_s: For one attempt.
    """

    name: str
    work: Work
    resumable: bool = True
    ended: Ended | None = None
    timeout_s: float = TIMEOUT_S


class JobContext:
    """A job as its code sees it.

    Attributes:
        id: Of the job; counts up.
        args: As they were submitted.
        place: Who asked, and where.
        resumed: Whether an earlier attempt may have done some of the work.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        entry = run.entry
        self.id, self.args, self.place = entry.id, entry.args, entry.place
        self.resumed = entry.began

    @property
    def state(self) -> Mapping[str, Any]:
        """What `checkpoint` kept last; empty at first."""
        return self._run.entry.checkpoint

    @property
    def done(self) -> int:
        """How far it came by what `progress` was told last."""
        return self._run.entry.done

    async def progress(self, done: int, total: int | None = None, text: str | None = None) -> None:
        """Show how far it is; never waits for Discord, and may be called often."""
        self._run.show(done, total, text)

    async def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Keep *state* (JSON) for an attempt that goes on from here.

        Raises:
            StorageError: it is not kept.
        """
        await self._run.keep(state)

    def nonce(self, name: str) -> str:
        """Answer the nonce of a message that a resumed job must not send twice."""
        return f"job-{self.id}-{name}"[:25]
