"""An interaction and what was answered to it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.commands import late

LOADING = 1 << 7  # flag of a message that shows "… is thinking"


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """One interaction, from its arrival until nobody will answer it any more.

    Attributes:
        answered: The handler has given its first answer.
        deferred: How we deferred in its place, if we did; or an earlier process, which died then.
        wish: The privacy that the handler asked for by a defer of its own, until it is fulfilled.
        original: Id of the message that took the place of the deferred one.
    """

    id: int
    kind: int
    token: str
    application_id: int
    handlers: int = 0
    answered: bool = False
    deferred: late.Deferral | None = None
    wish: bool | None = None
    original: int | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def receipt(self, sent: Any, callback: int) -> dict[str, Any]:
        """Answer what Discord would have said to a first answer of type *callback*.

        Args:
            sent: The message that came of it, None without one.
        """
        interaction: dict[str, Any] = {"id": str(self.id), "type": self.kind}
        if sent is None:
            interaction["response_message_loading"] = callback == late.DEFERRED_MESSAGE
            return {"interaction": interaction}
        interaction["response_message_id"] = sent["id"]
        return {"interaction": interaction, "resource": {"type": callback, "message": sent}}


def still_deferred(sent: Mapping[str, Any]) -> late.Deferral | None:
    """Answer how an interaction was deferred, None if more than that was said.

    Args:
        sent: The message that is its first answer.
    """
    flags = int(sent.get("flags") or 0)
    if not flags & LOADING:
        return None
    return late.Deferral(callback=late.DEFERRED_MESSAGE, private=bool(flags & late.EPHEMERAL))
