"""Many numbered messages at an even pace, and what the bot made of each of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simcord.backend.models import Channel, User

from simulator.driver.base import Parts
from simulator.driver.talking import MessageVerbs
from simulator.errors import RefusedError
from simulator.tally import Tally

MAX_RATE_PER_S = 1000.0
MAX_MESSAGES = 1_000_000


@dataclass(slots=True)
class _Load:
    author: User
    place: Channel
    every_s: float
    left: int = 0
    due_s: float = 0.0
    tally: Tally = field(default_factory=Tally)


class LoadVerbs(MessageVerbs):
    """A load that the simulator makes itself: no request for each message, no reading back."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._load: _Load | None = None

    async def load(
        self,
        *,
        rate_per_s: float = 20.0,
        messages: int = 600,
        user: str = "alice",
        channel: str = "general",
        guild: str | None = None,
    ) -> dict[str, Any]:
        """Begin to say `n 1`, `n 2`, … evenly; the bot should answer each `got NUMBER`, once.

        A load that is on goes on, with the new pace and this many messages more.
        """
        if not 0 < rate_per_s <= MAX_RATE_PER_S:
            raise RefusedError(f"rate_per_s must be in 0..{MAX_RATE_PER_S:g}")
        if not 0 <= messages <= MAX_MESSAGES:
            raise RefusedError(f"messages must be in 0..{MAX_MESSAGES}")
        author, place = self._at(user, channel, guild)
        load = self._load
        if load is None:
            load = self._load = _Load(author, place, 1 / rate_per_s)
            self._parts.world.backend.subscribers.append(self._on_event)
        load.author, load.place, load.every_s = author, place, 1 / rate_per_s
        idle, load.left = not load.left, load.left + messages
        if idle:
            load.due_s = time.monotonic()
            self._say_what_is_due()
        return {"sent": len(load.tally.said_at_s), "left": load.left}

    async def tally(self, *, timeout_s: float = 0.0) -> dict[str, Any]:
        """Answer sent, answered, lost, twice and the longest silence, of all loads.

        With *timeout_s* once everything is said and answered, or when that time is over.
        """
        load = self._load
        if load is None:
            raise RefusedError("there was no load yet")
        await self._parts.waiters.until(
            "load",
            lambda: True if not load.left and load.tally.complete else None,
            timeout_s=timeout_s,
        )
        return {**load.tally.report(), "left": load.left}

    def _say_what_is_due(self) -> None:
        """Say what is due by the clock, however late this timer came, and set the next one."""
        load = self._load
        assert load is not None  # noqa: S101 - a load set the timer
        while load.left and (now_s := time.monotonic()) >= load.due_s:
            load.left -= 1
            load.due_s += load.every_s
            number = load.tally.said(at_s=now_s)
            self._parts.world.backend.create_message(load.place.id, load.author.id, f"n {number}")
        if load.left:
            delay_s = max(0.0, load.due_s - time.monotonic())
            self._parts.hub.later(delay_s, self._say_what_is_due)

    def _on_event(self, event: str, data: Mapping[str, Any]) -> None:
        load = self._load
        bot_id = str(self._parts.world.backend.bot_user.id)
        if event == "MESSAGE_CREATE" and data["author"]["id"] == bot_id and load is not None:
            load.tally.heard(data["content"], at_s=time.monotonic())
            self._parts.waiters.ring("load")
