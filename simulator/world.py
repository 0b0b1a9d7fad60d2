"""The simulated world: SimCord's backend, its people and places by name."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, TypeVar

from simcord.backend import Backend
from simcord.backend.models import Channel, Guild, Message, User

from simulator.clock import WallClock
from simulator.errors import UnknownNameError
from simulator.settings import SimulatorSettings

GUILD_NAME = "Novera Test"
BOT_NAME = "Novera"
OWNER_NAME = "owner"
USER_NAMES = ("alice", "bob")
CHANNEL_NAMES = ("general", "quiet")

Named = TypeVar("Named", User, Guild, Channel)


class _Discarded(list[Any]):
    """Takes the place of SimCord's endless logs; the simulator keeps bounded ones."""

    def append(self, item: Any) -> None:
        """Forget *item*."""


class World:
    """SimCord's backend with the default people and places, and bounded memory."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self.backend = Backend(clock=WallClock())
        self.backend.transcript = _Discarded()
        self.backend.http_requests = _Discarded()
        self.backend.bot_user.name = BOT_NAME
        self.created_at_s: dict[int, float] = {}
        self.owner = self.backend.make_user(OWNER_NAME)
        self.guild = self.add_guild(GUILD_NAME)
        for name in CHANNEL_NAMES:
            self.backend.create_channel(self.guild.id, name)
        for name in USER_NAMES:
            self.backend.add_member(self.guild.id, self.backend.make_user(name).id)
        self.backend.subscribers.append(self._note)

    def add_guild(self, name: str, *, shard_id: int | None = None, shard_count: int = 1) -> Guild:
        """Create a guild of the application's owner, with the bot in it."""
        return self.backend.create_guild(
            name, owner_id=self.owner.id, shard_id=shard_id, shard_count=shard_count
        )

    def user(self, name: str) -> User:
        """Answer a user by name or id.

        Raises:
            UnknownNameError: there is none, or more than one.
        """
        return self._one("user", name, self.backend.users.values())

    def find_guild(self, name: str | None) -> Guild:
        """Answer a guild by name or id, the default one for None."""
        if name is None:
            return self.guild
        return self._one("guild", name, self.backend.guilds.values())

    def channel(self, name: str, *, guild: str | None = None, user: User | None = None) -> Channel:
        """Answer a channel by name or id; `@dm` is the DM channel of *user* and the bot."""
        if name == "@dm" and user is not None:
            return self.backend.get_dm_channel(user.id)
        if name.isascii() and name.isdigit() and int(name) in self.backend.channels:
            return self.backend.channels[int(name)]
        inside = self.find_guild(guild)
        places = (self.backend.channels[i] for i in (*inside.channel_ids, *inside.thread_ids))
        return self._one("channel", name.removeprefix("#"), places)

    def message(self, message_id: int) -> Message:
        """Answer a message by id, whatever its channel."""
        for messages in self.backend.messages.values():
            if message_id in messages:
                return messages[message_id]
        raise UnknownNameError("message", str(message_id), ())

    def _one(self, what: str, name: str, among: Iterable[Named]) -> Named:
        everything = list(among)
        found = [thing for thing in everything if name in (thing.name, str(thing.id))]
        if len(found) != 1:
            raise UnknownNameError(what, name, [str(thing.name) for thing in everything])
        return found[0]

    def _note(self, event: str, payload: Any) -> None:
        if event == "MESSAGE_CREATE":
            self.stamp(int(payload["id"]), int(payload["channel_id"]))

    def stamp(self, message_id: int, channel_id: int) -> None:
        """Remember when a message came, and forget the oldest of its channel."""
        self.created_at_s.setdefault(message_id, time.monotonic())
        messages = self.backend.messages[channel_id]
        while len(messages) > self._settings.keep_messages:
            oldest = next(iter(messages))
            del messages[oldest]
            self.created_at_s.pop(oldest, None)
        interactions = self.backend.interactions
        while len(interactions) > self._settings.keep_interactions:
            record = interactions.pop(next(iter(interactions)))
            self.backend.interaction_tokens.pop(record.token, None)
