"""What the bot did to messages and interactions, and when."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from simcord.backend.models import Interaction

from simulator.journal import Waiters
from simulator.settings import SimulatorSettings
from simulator.world import World

_CALLBACK = re.compile(r"^/interactions/(\d+)/")
_WEBHOOK = re.compile(r"^/webhooks/\d+/([^/]+)(/messages/[^/]+)?$")
_VERBS = {"POST": "followup", "PATCH": "edit", "DELETE": "delete"}


class Tracker:
    """Keeps a timeline per interaction and rings those who wait for an answer.

    Attributes:
        versions: How often a channel changed, by its id.
    """

    def __init__(self, settings: SimulatorSettings, world: World, waiters: Waiters) -> None:
        self._keep = settings.keep_interactions
        self._world, self._waiters = world, waiters
        self.versions: Counter[int] = Counter()
        self._timelines: dict[int, list[dict[str, Any]]] = {}
        world.backend.subscribers.append(self._on_event)

    def begin(self, interaction_id: int) -> None:
        """Start the timeline of an interaction."""
        self._timelines[interaction_id] = [{"what": "created", "at_s": time.monotonic()}]
        while len(self._timelines) > self._keep:
            del self._timelines[next(iter(self._timelines))]

    def timeline(self, interaction_id: int) -> list[dict[str, Any]]:
        """Answer what happened to an interaction, oldest first, with monotonic times."""
        return self._timelines.get(interaction_id, [])

    def on_request(self, method: str, path: str) -> None:
        """Note a request of the bot that SimCord carried out."""
        if method == "GET":
            return
        callback = _CALLBACK.match(path)
        if callback is not None:
            self._note(int(callback.group(1)), "callback")
            return
        webhook = _WEBHOOK.match(path)
        interaction_id = webhook and self._world.backend.interaction_tokens.get(webhook.group(1))
        if interaction_id:
            self._note(interaction_id, _VERBS.get(method, method))

    def _note(self, interaction_id: int, what: str) -> None:
        record: Interaction | None = self._world.backend.interactions.get(interaction_id)
        if record is None:
            return
        kind = None if record.response_kind is None else record.response_kind.value
        entry = {"what": what, "at_s": time.monotonic(), "kind": kind}
        self._timelines.setdefault(interaction_id, []).append(entry)
        for message_id in (record.message_id, *record.followup_ids[-1:]):
            if message_id is not None:
                self._world.stamp(message_id, record.channel_id)
        self._waiters.ring(("interaction", interaction_id))
        self._changed(record.channel_id)

    def _on_event(self, event: str, data: Mapping[str, Any]) -> None:
        if event.startswith(("MESSAGE_", "TYPING_")):
            self._changed(int(data["channel_id"]))

    def _changed(self, channel_id: int) -> None:
        self.versions[channel_id] += 1
        self._waiters.ring(("channel", channel_id))
