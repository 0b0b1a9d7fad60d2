"""A ticket, who may close it, and how it is named. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["opening", "open", "closing", "closed"]

MAX_OPEN = 3  # tickets of one user at a time
MAX_SUBJECT = 80
MAX_TEXT = 2000
MAX_THREAD_NAME = 100

# Panels and threads with these ids live on in channels: change them never.
OPEN_ID = "novera:ticket:open"
OPEN = re.compile(OPEN_ID)
CLOSE = re.compile(r"novera:ticket:close:(?P<ticket>[0-9]{1,18})")


def close_id(ticket_id: int) -> str:
    """Answer the custom id of a ticket's close button."""
    return f"novera:ticket:close:{ticket_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRecord:
    """A ticket as it is kept.

    Attributes:
        number: Counts up within its guild.
        channel_id: Where the thread belongs.
        origin: Id of the form that was sent; what was made for the ticket is younger.
        extra: What was done of its closing: ``logged``, ``sent``; ``deleted`` when its thread is
            gone.
    """

    id: int
    guild_id: int
    number: int
    channel_id: int
    thread_id: int | None
    opener_id: int
    closer_id: int | None
    origin: int
    subject: str
    text: str
    status: Status
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.status == "closed"

    def thread_name(self) -> str:
        """Answer the name of its thread, by whose beginning it is found again."""
        return f"{self.mark} {' '.join(self.subject.split())}"[:MAX_THREAD_NAME].strip()

    @property
    def mark(self) -> str:
        """What its thread's name begins with."""
        return f"ticket-{self.number:04d}"

    def line(self, *, in_public: bool) -> str:
        """Answer how a list shows it; what it is about is not for everybody."""
        where = f"<#{self.thread_id}>" if self.thread_id is not None else "no thread yet"
        gone = ", thread deleted" if self.extra.get("deleted") else ""
        subject = self.subject.replace("`", "'")
        about = "" if in_public else f"`{subject}` · "
        return f"**{self.number}** · {about}<@{self.opener_id}> · {self.status}{gone} · {where}"


def is_staff(*, manages_threads: bool, roles: Collection[int], ticket_role: int | None) -> bool:
    """Answer whether a member works on tickets."""
    return manages_threads or (ticket_role is not None and ticket_role in roles)
