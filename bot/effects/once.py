"""`services.effects`: for effects that Discord does not recognise as repeated.

A handler runs again when the process died while it ran. What it asks of Discord, a payment service
or a shop may have been done by then. Claim it first, then do it::

    if await services.effects.once(f"welcome:{member.id}"):
        await member.add_roles(role)

The claim is on disk before the answer comes. So the effect is begun once at most: a process that
dies between claim and effect leaves it undone, and who gets False knows that it was begun, not that
it succeeded. Where that matters, ask whoever did it.
"""

from __future__ import annotations

from typing import Self

from bot.effects.derivation import event_place
from bot.errors import BotError
from bot.gateway.event import current_event
from bot.storage.claims import Claims

MAX_KEY = 200  # characters


class NoEventError(BotError, RuntimeError):
    """`once_per_event` was called where no event is being handled, as in a periodic task."""

    def __init__(self) -> None:
        super().__init__("no event is handled here: use `effects.once` with a key of its own")


class Effects:
    """Answers who may begin an effect; ``async with`` lets go of the database at its end.

    Every method raises `ValueError` for a key that is not 1 to 200 printable characters, and
    `bot.storage.claims.ClaimError` when the database can't be asked: begin no effect then.
    """

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._claims.close()

    async def once(self, key: str) -> bool:
        """Answer True to the first caller with *key*, in whatever process; False for 30 days."""
        return await self._claims.claim(f"once:{_checked(key)}")

    async def once_per_event(self, key: str) -> bool:
        """Answer True to the first caller with *key* while the current event is handled.

        False to a handler that runs again for the same event, after an earlier process died in it;
        the next event begins anew. So *key* need only tell the effects of one event apart.

        Raises:
            NoEventError: no event is handled here.
        """
        event = current_event.get()
        if event is None:
            raise NoEventError
        place = event_place(event.shard_id, event.session_id, event.sequence)
        return await self._claims.claim(f"event:{place.hex()}:{_checked(key)}")

    async def forget(self, key: str) -> None:
        """Let `once` answer True for *key* again: after an effect that is known to have failed."""
        await self._claims.forget(f"once:{_checked(key)}")


def _checked(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise ValueError(f"a key has 1 to {MAX_KEY} printable characters, this one {len(key)}")
    return key
