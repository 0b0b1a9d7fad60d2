"""A case: one act of moderation on record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bot.moderation.reasons import audit_reason

Status = Literal["pending", "done", "failed"]
# What a timer finds that is to end a case: end it, leave it (it was ended, renewed, or never done),
# or ask again, since something about it is not finished.
Standing = Literal["due", "over", "unsure"]

# What an act brings to its end, of what was done to the same target before.
ENDS: Mapping[str, tuple[str, ...]] = {
    "ban": ("ban",),
    "unban": ("ban",),
    "softban": ("ban",),
    "timeout": ("timeout",),
    "untimeout": ("timeout",),
    "lock": ("lock",),
    "unlock": ("lock",),
}
# These are done to a channel, all others to a user.
ON_CHANNELS = frozenset({"purge", "slowmode", "lock", "unlock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """What a case is opened with; attributes as in `Case`.

    Attributes:
        ends: Kind of the timer that ends it at *expires_at*, None when nothing need be done then.
    """

    guild_id: int
    action: str
    target_id: int
    moderator_id: int
    reason: str
    expires_at: datetime | None = None
    origin: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    ends: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One act of moderation.

    Attributes:
        number: Counts up within the guild; what people call it.
        target_id: A user, or for some actions a channel.
        moderator_name: As the cache has it now; empty when it does not.
        status: ``pending`` from before the act until it is known how it went.
        note: What is to be known of how it was done, such as a direct message that failed.
        error: Why it failed.
        origin: Id of the message or interaction that asked for it.
        again: Whether it was opened by an earlier handling of the same message or interaction, so
            that it may have been done already.
        extra: What whoever finishes or ends it needs to know; ``shown`` is for people. Of a warning
            that was given ``count``: how many held then, this one among them.
        expires_at: When it ends by itself.
        ended_at: When it did, or was taken back.
    """

    id: int
    number: int
    guild_id: int
    action: str
    target_id: int
    moderator_id: int
    moderator_name: str = ""
    reason: str
    status: Status
    created_at: datetime
    expires_at: datetime | None = None
    finished_at: datetime | None = None
    ended_at: datetime | None = None
    note: str | None = None
    error: str | None = None
    origin: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    log_channel_id: int | None = None
    log_message_id: int | None = None
    timer_id: int | None = None
    again: bool = False

    @property
    def audit_reason(self) -> str:
        """What to give to Discord as the reason of the act."""
        return audit_reason(
            self.reason,
            number=self.number,
            moderator_id=self.moderator_id,
            moderator_name=self.moderator_name,
        )

    def is_active(self, now: datetime) -> bool:
        """Whether it was done and still holds at *now*."""
        over = self.expires_at is not None and self.expires_at <= now
        return self.status == "done" and self.ended_at is None and not over


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which cases to show; None does not restrict."""

    target_id: int | None = None
    moderator_id: int | None = None
    action: str | None = None
