"""What came to the journals since they were read last: a spare keeps its cache warm with it.

The spare applies what is finished alone, up to `Marks.resume_from`: all after that is replayed by
Discord to whoever resumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.gateway.journal import files
from bot.gateway.journal.reading import Saved, Unusable, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a cache follows the journal of one shard."""

    session_id: str = field(repr=False)
    sequence: int

    @classmethod
    def of(cls, saved: Saved) -> Position:
        """Answer where a cache stands that *saved* was applied to."""
        return cls(session_id=saved.session.session_id, sequence=saved.marks.resume_from)


def load_since(
    folder: Path, fingerprint: str, positions: Mapping[int, Position]
) -> dict[int, Saved | Unusable]:
    """Answer what came after *positions*, by shard id. Blocks: call it in a thread.

    `Unusable` with the reason ``starts_over`` means that the cache must be restored from the
    beginning: there is another session, or what came since was merged into older events.
    """
    return {
        shard_id: read(
            files.path_of(folder, shard_id),
            shard_id,
            fingerprint,
            known=(position.session_id, position.sequence),
        )
        for shard_id, position in positions.items()
    }
