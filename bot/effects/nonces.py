"""Knows where each task stands within its event, and so the nonce of each message it sends."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.effects import derivation
from bot.gateway.event import GatewayEvent, current_event


class _Branch:
    """An event, or one of its tasks: where it stands, what it made and sent so far."""

    __slots__ = ("children", "event", "place", "sent")

    def __init__(self, event: GatewayEvent, place: bytes) -> None:
        self.event, self.place = event, place
        self.children: dict[str, int] = {}  # how many, by what they run
        self.sent: dict[int, int] = {}  # how many messages, by channel id

    def grow(self, name: str) -> _Branch:
        """Answer the branch of the next task that runs *name*."""
        index = self.children.get(name, 0)
        self.children[name] = index + 1
        return _Branch(self.event, derivation.task_place(self.place, name, index))

    def next_nonce(self, channel_id: int) -> str:
        """Answer the nonce of the next message to that channel."""
        number = self.sent.get(channel_id, 0)
        self.sent[channel_id] = number + 1
        return derivation.nonce(self.place, channel_id, number)


class Nonces:
    """Answers nonces; a `TaskObserver`, and to be one before the first event comes.

    What is kept of a task goes with it. Of events the newest one alone is kept: an event starts
    its handlers before the next one comes. A task that something else starts for an older event,
    such as a timer, has no place, and its messages no derived nonce.
    """

    def __init__(self) -> None:
        self._branches: dict[asyncio.Task[Any], _Branch] = {}
        self._newest: _Branch | None = None

    def created(self, task: asyncio.Task[Any]) -> None:
        """A task was made, in the context of whoever made it."""
        event = current_event.get()
        if event is None:
            return
        maker = asyncio.current_task()
        parent = self._branches.get(maker) if maker is not None else None
        if parent is None or parent.event is not event:
            parent = self._root(event)
        if parent is not None:
            coro = task.get_coro()
            name = getattr(coro, "__qualname__", None) or type(coro).__name__
            self._branches[task] = parent.grow(name)

    def done(self, task: asyncio.Task[Any]) -> None:
        """A task ended."""
        self._branches.pop(task, None)

    def next_nonce(self, channel_id: int) -> str | None:
        """Answer the nonce of the message that the current task sends to that channel now.

        None outside of events, and for tasks without a place.
        """
        task = asyncio.current_task()
        branch = self._branches.get(task) if task is not None else None
        if branch is None or branch.event is not current_event.get():
            return None
        return branch.next_nonce(channel_id)

    def _root(self, event: GatewayEvent) -> _Branch | None:
        newest = self._newest
        if newest is not None and newest.event is event:
            return newest
        if newest is not None and event.received_at_s < newest.event.received_at_s:
            return None  # counting its tasks from 0 again could silence a message
        place = derivation.event_place(event.shard_id, event.session_id, event.sequence)
        self._newest = newest = _Branch(event, place)
        return newest
