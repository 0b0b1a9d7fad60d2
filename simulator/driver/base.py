"""What all verbs share: the parts of the simulator, and how things are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simcord.backend import serializers
from simcord.backend.models import Interaction, Message

from simulator.errors import RefusedError
from simulator.gateway.hub import Hub
from simulator.journal import Waiters
from simulator.listeners import Listeners
from simulator.portal import Portal
from simulator.rest.guard import Guard
from simulator.rest.service import RestService
from simulator.settings import SimulatorSettings
from simulator.switchboard import Switchboard
from simulator.tracker import Tracker
from simulator.world import World

LOADING_FLAG = 1 << 7


def as_id(what: str, text: str) -> int:
    """Answer the number in *text*.

    Raises:
        RefusedError: it is no id.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise RefusedError(f"{what} must be an id, got {text!r}")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a simulator that verbs act on."""

    settings: SimulatorSettings
    world: World
    hub: Hub
    portal: Portal
    faults: Switchboard
    waiters: Waiters
    tracker: Tracker
    rest: RestService
    guard: Guard
    addresses: Mapping[str, str]
    listeners: Listeners


class Verbs:
    """Base of the verbs."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _show_message(self, message: Message) -> dict[str, Any]:
        """Answer a message as the control API shows it."""
        world = self._parts.world
        payload: Mapping[str, Any] = serializers.message_payload(world.backend, message)
        channel = world.backend.channels[message.channel_id]
        meta = message.interaction_metadata or {}
        return {
            "id": str(message.id),
            "channel": channel.name or "@dm",
            "channel_id": str(channel.id),
            "author": world.backend.users[message.author_id].name,
            "author_id": str(message.author_id),
            "is_bot": message.author_id == world.backend.bot_user.id,
            "content": message.content,
            "embeds": payload["embeds"],
            "components": payload["components"],
            "attachments": payload["attachments"],
            "reactions": payload["reactions"],
            "reply_to": (message.reference or {}).get("message_id"),
            "interaction_id": meta.get("id"),
            "command": meta.get("name"),
            "invoker": (meta.get("user") or {}).get("username"),
            "ephemeral": message.is_ephemeral,
            "loading": bool(message.flags & LOADING_FLAG),
            "edited": message.edited_timestamp is not None,
            "at_s": world.created_at_s.get(message.id),
        }

    def _show_interaction(self, record: Interaction) -> dict[str, Any]:
        """Answer an interaction and all that the bot answered to it."""
        world = self._parts.world
        messages = world.backend.messages.get(record.channel_id, {})
        response = messages.get(record.message_id) if record.message_id is not None else None
        followups = [messages[each] for each in record.followup_ids if each in messages]
        return {
            "id": str(record.id),
            "type": int(record.type),
            "command": record.command_name,
            "user": world.backend.users[record.user_id].name,
            "channel_id": str(record.channel_id),
            "acknowledged": record.responded,
            "kind": None if record.response_kind is None else record.response_kind.value,
            "loading": record.loading,
            "ephemeral": record.ephemeral,
            "modal": record.modal,
            "choices": record.autocomplete_choices,
            "response": None if response is None else self._show_message(response),
            "followups": [self._show_message(each) for each in followups],
            "timeline": self._parts.tracker.timeline(record.id),
        }
