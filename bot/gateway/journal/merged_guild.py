"""One guild, made of all events that changed it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.gateway.journal.merged_members import MergedMembers
from bot.gateway.journal.merged_threads import MergedThreads

Payload = dict[str, Any]

INLINE_MEMBERS = 1000  # of a GUILD_CREATE; Discord's chunks have as many
# What `Guild._from_data` adds to what is there, each with the key that names one of it.
_KEYS: Mapping[str, str] = {
    "channels": "id",
    "stage_instances": "id",
    "guild_scheduled_events": "id",
    "soundboard_sounds": "sound_id",
}
_APART = (*_KEYS, "threads", "roles", "members", "voice_states", "presences")
_VOICE = (2, 13)  # channel types: voice, stage
_FORUMS = (15, 16)  # forum, media


class MergedGuild:
    """The newest state of a guild, as payloads; `events` answers what leaves it.

    Attributes:
        sequence: Of the event that is applied.
        unavailable: GUILD_DELETE said so; everything is kept until it comes back.
    """

    def __init__(self, data: Payload, self_id: int, sequence: int) -> None:
        self.sequence = self._first = sequence
        self.unavailable = False
        self._fields: Payload = {}
        self._roles: dict[int, Payload] = {}
        self._of: dict[str, dict[int, Payload]] = {name: {} for name in _KEYS}
        self._threads, self._members = MergedThreads(self_id), MergedMembers(self_id)
        self._voice: dict[int, Payload] = {}
        self._interested: dict[int, dict[int, Payload]] = {}  # event → user → USER_ADD
        self.take(data)

    def take(self, data: Payload) -> None:
        """Do as `Guild._from_data`: fields and roles are replaced, the rest is added to."""
        count = data.get("member_count", self._fields.get("member_count"))
        self._fields = {key: value for key, value in data.items() if key not in _APART}
        if count is not None:
            self._fields["member_count"] = count
        self.unavailable = bool(data.get("unavailable", False))
        self._fields.setdefault("stickers", [])
        self._roles = {int(role["id"]): role for role in data.get("roles", [])}
        for name in _KEYS:
            for each in data.get(name, []):
                self._put(name, each)
        for state in data.get("voice_states", []):
            self._set_voice(state)
        for member in data.get("members", []):
            self._members.put(member)
        for thread in data.get("threads", []):
            self._threads.put(thread)

    def apply(self, name: str, data: Payload) -> None:
        """Change the guild as the parser of the event does.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: the payload has another shape.
        """
        _CHANGES[name](self, data)

    def events(self) -> Iterator[tuple[int, str, Payload]]:
        """Answer sequence, name and payload of the events that leave this guild, in order."""
        for name, data in self._events():
            yield self._first, name, data
        for sequence, member in self._members.renames():
            update = {"guild_id": self._fields["id"], **member}
            yield sequence, "GUILD_MEMBER_UPDATE", update

    def _events(self) -> Iterator[tuple[str, Payload]]:
        guild_id, lists = self._fields["id"], {key: [*self._of[key].values()] for key in _KEYS}
        inline, chunks = self._members.split(self._voice.keys(), INLINE_MEMBERS)
        threads, in_threads = self._threads.listed()
        lists |= {
            "roles": list(self._roles.values()),
            "voice_states": list(self._voice.values()),
            "members": inline,
            "threads": [] if in_threads else threads,
            # Stickers are read before members: an old name there would become the member's.
            "stickers": [self._members.with_newest_user(s) for s in self._fields["stickers"]],
        }
        yield "GUILD_CREATE", {**self._fields, "unavailable": False, **lists}
        for index, members in enumerate(chunks):
            where = {"chunk_index": index, "chunk_count": len(chunks), "nonce": "merged"}
            yield "GUILD_MEMBERS_CHUNK", {"guild_id": guild_id, "members": members, **where}
        if in_threads:  # no other event brings several members of many threads
            synced = {"threads": threads, "members": in_threads}
            yield "THREAD_LIST_SYNC", {"guild_id": guild_id, **synced}
        for people in self._interested.values():
            for interest in people.values():
                yield "GUILD_SCHEDULED_EVENT_USER_ADD", interest
        if self.unavailable:
            yield "GUILD_DELETE", {"id": guild_id, "unavailable": True}

    # ----------------------------------------------- things with an id each

    def _put(self, collection: str, data: Payload) -> None:
        number = int(data[_KEYS[collection]])
        self._of[collection][number] = data
        if collection == "guild_scheduled_events":
            self._interested.pop(number, None)

    def _update(self, collection: str, data: Payload, *, kept: tuple[str, ...] = ()) -> None:
        """Replace a thing that is known, except for the fields that updates leave alone."""
        things, number = self._of[collection], int(data[_KEYS[collection]])
        if number in things:
            old = things[number]
            things[number] = {**data, **{key: old[key] for key in kept if key in old}}

    def _delete(self, collection: str, data: Payload) -> Payload | None:
        number = int(data[_KEYS[collection]])
        self._interested.pop(number, None)
        return self._of[collection].pop(number, None)

    def _delete_channel(self, data: Payload) -> None:
        channel = self._delete("channels", data)
        if channel is None:
            return
        if channel["type"] in _VOICE:
            for event in list(self._of["guild_scheduled_events"].values()):
                if str(event.get("channel_id")) == str(data["id"]):
                    self._delete("guild_scheduled_events", event)
        self._threads.drop_those_in([int(data["id"])])

    def _update_sounds(self, data: Payload) -> None:
        for sound in data["soundboard_sounds"]:
            self._update_sound(sound)

    def _update_sound(self, data: Payload) -> None:
        self._update("soundboard_sounds", data, kept=("user", "user_id"))

    def _add_interest(self, data: Payload) -> None:
        number, user_id = int(data["guild_scheduled_event_id"]), int(data["user_id"])
        if number in self._of["guild_scheduled_events"]:
            self._interested.setdefault(number, {})[user_id] = data

    def _remove_interest(self, data: Payload) -> None:
        people = self._interested.get(int(data["guild_scheduled_event_id"]), {})
        people.pop(int(data["user_id"]), None)

    # ----------------------------------------------- roles, threads, members

    def _put_role(self, data: Payload) -> None:
        self._roles[int(data["role"]["id"])] = data["role"]

    def _update_role(self, data: Payload) -> None:
        if int(data["role"]["id"]) in self._roles:
            self._put_role(data)

    def _delete_role(self, data: Payload) -> None:
        self._roles.pop(int(data["role_id"]), None)

    def _create_thread(self, data: Payload) -> None:
        parent = self._of["channels"].get(int(data["parent_id"]))
        is_post = parent is not None and parent["type"] in _FORUMS
        if (
            parent
            and is_post
            and data.get("newly_created")
            and int(data["id"]) not in self._threads
        ):
            parent["last_message_id"] = data["id"]
        self._threads.put(data)

    def _add_member(self, data: Payload) -> None:
        if self._members.add(data):
            self._count_members(1)

    def _remove_member(self, data: Payload) -> None:
        self._members.remove(int(data["user"]["id"]))
        self._count_members(-1)

    def _count_members(self, change: int) -> None:
        if self._fields.get("member_count") is not None:
            self._fields["member_count"] += change

    def _change_voice(self, data: Payload) -> None:
        is_new = int(data["user_id"]) not in self._voice
        if is_new and data.get("channel_id") is not None and "member" in data:
            # A cache of people in voice channels alone has forgotten what it knew before.
            self._members.put(data["member"])
        self._set_voice(data)

    def _set_voice(self, data: Payload) -> None:
        """Do as `Guild._update_voice_state`, which keeps also who leaves without being there."""
        user_id, old = int(data["user_id"]), self._voice.get(int(data["user_id"]))
        state = {key: value for key, value in data.items() if key != "member"}
        if int(data.get("channel_id") or 0) not in self._of["channels"]:
            if old is not None:
                del self._voice[user_id]
                return
            state["channel_id"] = "0"  # as GUILD_CREATE can say it: in no channel
        if old is not None:
            state["session_id"] = old.get("session_id")
        self._voice[user_id] = state


_CHANGES: Mapping[str, Callable[[MergedGuild, Payload], object]] = {
    "GUILD_UPDATE": MergedGuild.take,
    "GUILD_DELETE": lambda guild, data: setattr(guild, "unavailable", bool(data["unavailable"])),
    "GUILD_EMOJIS_UPDATE": lambda guild, data: guild._fields.update(emojis=data["emojis"]),
    "GUILD_STICKERS_UPDATE": lambda guild, data: guild._fields.update(stickers=data["stickers"]),
    "GUILD_ROLE_CREATE": MergedGuild._put_role,
    "GUILD_ROLE_UPDATE": MergedGuild._update_role,
    "GUILD_ROLE_DELETE": MergedGuild._delete_role,
    "CHANNEL_CREATE": lambda guild, data: guild._put("channels", data),
    "CHANNEL_UPDATE": lambda guild, data: guild._update("channels", data),
    "CHANNEL_DELETE": MergedGuild._delete_channel,
    "THREAD_CREATE": MergedGuild._create_thread,
    "THREAD_UPDATE": lambda guild, data: guild._threads.update(data),
    "THREAD_DELETE": lambda guild, data: guild._threads.drop(int(data["id"])),
    "THREAD_LIST_SYNC": lambda guild, data: guild._threads.sync(data),
    "THREAD_MEMBER_UPDATE": lambda guild, data: guild._threads.set_own(data),
    "THREAD_MEMBERS_UPDATE": lambda guild, data: guild._threads.change_members(data),
    "GUILD_MEMBER_ADD": MergedGuild._add_member,
    "GUILD_MEMBER_UPDATE": lambda guild, data: guild._members.update(data, guild.sequence),
    "GUILD_MEMBER_REMOVE": MergedGuild._remove_member,
    "GUILD_MEMBERS_CHUNK": lambda guild, data: guild._members.add_chunk(data.get("members", [])),
    "VOICE_STATE_UPDATE": MergedGuild._change_voice,
    "STAGE_INSTANCE_CREATE": lambda guild, data: guild._put("stage_instances", data),
    "STAGE_INSTANCE_UPDATE": lambda guild, data: guild._update("stage_instances", data),
    "STAGE_INSTANCE_DELETE": lambda guild, data: guild._delete("stage_instances", data),
    "GUILD_SCHEDULED_EVENT_CREATE": lambda guild, data: guild._put("guild_scheduled_events", data),
    "GUILD_SCHEDULED_EVENT_UPDATE": (
        lambda guild, data: guild._update("guild_scheduled_events", data)
    ),
    "GUILD_SCHEDULED_EVENT_DELETE": (
        lambda guild, data: guild._delete("guild_scheduled_events", data)
    ),
    "GUILD_SCHEDULED_EVENT_USER_ADD": MergedGuild._add_interest,
    "GUILD_SCHEDULED_EVENT_USER_REMOVE": MergedGuild._remove_interest,
    "GUILD_SOUNDBOARD_SOUND_CREATE": lambda guild, data: guild._put("soundboard_sounds", data),
    "GUILD_SOUNDBOARD_SOUND_UPDATE": MergedGuild._update_sound,
    "GUILD_SOUNDBOARD_SOUND_DELETE": lambda guild, data: guild._delete("soundboard_sounds", data),
    "GUILD_SOUNDBOARD_SOUNDS_UPDATE": MergedGuild._update_sounds,
}
