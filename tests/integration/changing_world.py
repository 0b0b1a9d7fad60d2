"""A simulated world that changes at random, and the events that Discord would send of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from simcord.backend import Backend, serializers
from simcord.backend.errors import BackendError
from simcord.backend.models import Channel, Guild, Overwrite, ThreadMetadata
from simcord.enums import ChannelType, OverwriteType

TEXT, VOICE, CATEGORY, NEWS, STAGE, FORUM = 0, 2, 4, 5, 13, 15
SOUND = {"volume": 0.5, "emoji_id": None, "emoji_name": "🔔", "available": True}
WHEN = "2030-01-01T00:00:00+00:00"


class ChangingWorld:
    """Changes a SimCord backend; *pick* answers a number below its argument.

    SimCord announces each change; what it does not know (soundboards, outages, guilds that come
    back, users that are renamed, chunks, syncs) is announced here, as Discord does.
    """

    def __init__(self, backend: Backend, pick: Callable[[int], int]) -> None:
        self.backend, self._pick = backend, pick
        self._sounds: dict[int, dict[int, dict[str, Any]]] = {}

    @property
    def changes(self) -> Sequence[Callable[[Guild], None]]:
        """Everything that can happen to a guild."""
        names = sorted(name for name in dir(self) if name.startswith("do_"))
        return [getattr(self, name) for name in names]

    def change(self) -> None:
        """Let one thing happen somewhere; one that is impossible there does not happen."""
        guilds = list(self.backend.guilds.values())
        change = self.changes[self._pick(len(self.changes))]
        with contextlib.suppress(BackendError, IndexError):
            change(guilds[self._pick(len(guilds))])

    # ---------------------------------------------------------------- picking

    def _one(self, things: Any) -> Any:
        listed = list(things)
        if not listed:
            raise IndexError("nothing to pick from")
        return listed[self._pick(len(listed))]

    def _channel(self, guild: Guild, *kinds: int) -> Channel:
        channels = [self.backend.channels[each] for each in guild.channel_ids]
        return self._one(each for each in channels if not kinds or each.type in kinds)  # type: ignore[no-any-return]

    def _thread(self, guild: Guild) -> Channel:
        return self._one(self.backend.active_threads(guild.id))  # type: ignore[no-any-return]

    def _person(self, guild: Guild) -> int:
        return self._one(  # type: ignore[no-any-return]
            each for each in guild.members if each not in (self.backend.bot_user.id, guild.owner_id)
        )

    def _role(self, guild: Guild) -> int:
        return self._one(each for each in guild.roles if each != guild.id)  # type: ignore[no-any-return]

    def _word(self) -> str:
        return f"word-{self._pick(1000)}"

    def _emit(self, event: str, guild: Guild, **data: Any) -> None:
        self.backend.emit(event, {"guild_id": str(guild.id), **data})

    # --------------------------------------------------------------- channels

    def do_create_channel(self, guild: Guild) -> None:
        kind = self._one((TEXT, VOICE, CATEGORY, NEWS, STAGE, FORUM))
        self.backend.create_channel(guild.id, self._word(), type=ChannelType(kind))

    def do_edit_channel(self, guild: Guild) -> None:
        channel = self._channel(guild)
        changes = {"name": self._word(), "topic": self._word(), "position": self._pick(20)}
        self.backend.edit_channel(channel.id, changes)

    def do_move_channel(self, guild: Guild) -> None:
        category = self._channel(guild, CATEGORY)
        self.backend.edit_channel(self._channel(guild, TEXT).id, {"parent_id": category.id})

    def do_overwrite(self, guild: Guild) -> None:
        target, kind = self._person(guild), OverwriteType.MEMBER
        if self._pick(2):
            target, kind = self._one(guild.roles), OverwriteType.ROLE
        overwrite = Overwrite(target, kind, allow=self._pick(1 << 40), deny=self._pick(1 << 40))
        self.backend.set_overwrite(self._channel(guild).id, overwrite)

    def do_delete_overwrite(self, guild: Guild) -> None:
        channel = self._channel(guild)
        self.backend.delete_overwrite(channel.id, self._one(channel.overwrites).target_id)

    def do_delete_channel(self, guild: Guild) -> None:
        channel = self._channel(guild)
        for user_id, state in list(guild.voice_states.items()):
            if state.channel_id == channel.id:  # Discord moves people out first
                self.backend.set_voice_state(guild.id, user_id, None)
        self.backend.delete_channel(channel.id)

    def do_say(self, guild: Guild) -> None:
        place = self._channel(guild, TEXT, VOICE, NEWS) if self._pick(2) else self._thread(guild)
        self.backend.create_message(place.id, self._person(guild), "hello")

    # ---------------------------------------------------------------- threads

    def do_create_thread(self, guild: Guild) -> None:
        place = self._channel(guild, TEXT, FORUM)
        self.backend.create_thread(place.id, self._word(), self._person(guild))

    def do_edit_thread(self, guild: Guild) -> None:
        changes = {"name": self._word(), "rate_limit_per_user": self._pick(60)}
        self.backend.edit_channel(self._thread(guild).id, changes)

    def do_archive_thread(self, guild: Guild) -> None:
        thread = self._thread(guild)
        self.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})

    def do_revive_thread(self, guild: Guild) -> None:
        threads = [self.backend.channels[each] for each in guild.thread_ids]
        asleep = self._one(each for each in threads if _archived(each.thread_metadata))
        self.backend.edit_channel(asleep.id, {}, thread_metadata={"archived": False})

    def do_join_thread(self, guild: Guild) -> None:
        who = self._person(guild) if self._pick(3) else self.backend.bot_user.id
        self.backend.add_thread_member(self._thread(guild).id, who)

    def do_leave_thread(self, guild: Guild) -> None:
        thread = self._thread(guild)
        self.backend.remove_thread_member(thread.id, self._one(thread.thread_members))

    def do_delete_thread(self, guild: Guild) -> None:
        self.backend.delete_channel(self._thread(guild).id)

    def do_sync_threads(self, guild: Guild) -> None:
        threads = self.backend.active_threads(guild.id)
        data: dict[str, Any] = serializers.thread_list_payload(self.backend, threads)
        if self._pick(2):
            data["channel_ids"] = [str(each) for each in guild.channel_ids]
        self._emit("THREAD_LIST_SYNC", guild, **data)

    def do_own_thread_member(self, guild: Guild) -> None:
        thread = self._thread(guild)
        own = {"id": str(thread.id), "user_id": str(self.backend.bot_user.id)}
        self._emit("THREAD_MEMBER_UPDATE", guild, **own, join_timestamp=WHEN, flags=self._pick(4))

    # ------------------------------------------------------ roles and members

    def do_create_role(self, guild: Guild) -> None:
        permissions = self._pick(1 << 40)
        self.backend.create_role(guild.id, self._word(), permissions=permissions)

    def do_edit_role(self, guild: Guild) -> None:
        changes = {
            "name": self._word(),
            "permissions": self._pick(1 << 40),
            "color": self._pick(99),
        }
        self.backend.edit_role(guild.id, self._role(guild), changes)

    def do_delete_role(self, guild: Guild) -> None:
        role = self._role(guild)
        holders = [each for each, member in guild.members.items() if role in member.role_ids]
        self.backend.delete_role(guild.id, role)
        for user_id in holders:  # else a cache keeps the id, until something names the member anew
            self.backend.announce_member_update(guild.id, user_id)

    def do_add_member(self, guild: Guild) -> None:
        user = self.backend.make_user(self._word())
        self.backend.add_member(guild.id, user.id, announce=True)

    def do_join_another_guild(self, guild: Guild) -> None:
        strangers = self.backend.users.keys() - guild.members.keys()
        self.backend.add_member(guild.id, self._one(sorted(strangers)), announce=True)

    def do_remove_member(self, guild: Guild) -> None:
        user_id = self._person(guild)
        events, stickers = guild.scheduled_events.values(), guild.stickers.values()
        remembered = {each.creator_id for each in events} | {each.user_id for each in stickers}
        if user_id in remembered.union(*(each.user_ids for each in events)):
            return  # see `merging`: what they made remembers people who left
        self.backend.set_voice_state(guild.id, user_id, None)
        self.backend.remove_member(guild.id, user_id)

    def do_edit_member(self, guild: Guild) -> None:
        changes = {"nick": self._word(), "timed_out_until": self._one((None, WHEN))}
        self.backend.edit_member(guild.id, self._person(guild), changes)

    def do_give_role(self, guild: Guild) -> None:
        self.backend.add_member_role(guild.id, self._person(guild), self._role(guild))

    def do_take_role(self, guild: Guild) -> None:
        self.backend.remove_member_role(guild.id, self._person(guild), self._role(guild))

    def do_rename_user(self, guild: Guild) -> None:
        user = self.backend.users[self._person(guild)]
        user.name, user.avatar = self._word(), self._word()
        for each in self.backend.guilds.values():
            if user.id in each.members:
                self.backend.announce_member_update(each.id, user.id)

    def do_rename_bot(self, _: Guild) -> None:
        self.backend.edit_bot_profile(self._word())
        for each in self.backend.guilds.values():
            self.backend.announce_member_update(each.id, self.backend.bot_user.id)

    def do_chunk(self, guild: Guild) -> None:
        members = [
            serializers.member_payload(self.backend, guild, each) for each in guild.members.values()
        ]
        self._emit("GUILD_MEMBERS_CHUNK", guild, members=members, chunk_index=0, chunk_count=1)

    # ------------------------------------------------------------ voice, stage

    def do_join_voice(self, guild: Guild) -> None:
        place = self._channel(guild, VOICE, STAGE)
        flags = {"self_mute": bool(self._pick(2)), "suppress": bool(self._pick(2))}
        self.backend.set_voice_state(guild.id, self._person(guild), place.id, **flags)

    def do_leave_voice(self, guild: Guild) -> None:
        self.backend.set_voice_state(guild.id, self._one(guild.voice_states), None)

    def do_open_stage(self, guild: Guild) -> None:
        self.backend.create_stage_instance(self._channel(guild, STAGE).id, self._word())

    def do_edit_stage(self, guild: Guild) -> None:
        self.backend.edit_stage_instance(self._channel(guild, STAGE).id, {"topic": self._word()})

    def do_close_stage(self, guild: Guild) -> None:
        self.backend.delete_stage_instance(self._channel(guild, STAGE).id)

    # -------------------------------------------- scheduled events, expressions

    def do_plan_event(self, guild: Guild) -> None:
        self.backend.create_scheduled_event(
            guild.id,
            name=self._word(),
            entity_type=2,
            scheduled_start_time=WHEN,
            creator_id=self._person(guild),
            channel_id=self._channel(guild, VOICE, STAGE).id,
        )

    def do_edit_event(self, guild: Guild) -> None:
        event = self._one(guild.scheduled_events)
        self.backend.edit_scheduled_event(guild.id, event, {"description": self._word()})

    def do_follow_event(self, guild: Guild) -> None:
        event, who = self._one(guild.scheduled_events), self._person(guild)
        self.backend.set_scheduled_event_subscription(guild.id, event, who, bool(self._pick(3)))

    def do_delete_event(self, guild: Guild) -> None:
        self.backend.delete_scheduled_event(guild.id, self._one(guild.scheduled_events))

    def do_create_emoji(self, guild: Guild) -> None:
        self.backend.create_emoji(guild.id, self._word(), self._person(guild))

    def do_edit_emoji(self, guild: Guild) -> None:
        self.backend.edit_emoji(guild.id, self._one(guild.emojis), {"name": self._word()})

    def do_delete_emoji(self, guild: Guild) -> None:
        self.backend.delete_emoji(guild.id, self._one(guild.emojis))

    def do_create_sticker(self, guild: Guild) -> None:
        self.backend.create_sticker(guild.id, self._word(), self._person(guild))

    def do_delete_sticker(self, guild: Guild) -> None:
        self.backend.delete_sticker(guild.id, self._one(guild.stickers))

    def do_create_sound(self, guild: Guild) -> None:
        number = self.backend.snowflake()
        sound = {**SOUND, "sound_id": str(number), "name": self._word(), "user_id": "7"}
        self._sounds.setdefault(guild.id, {})[number] = sound
        self._emit("GUILD_SOUNDBOARD_SOUND_CREATE", guild, **sound)

    def do_edit_sound(self, guild: Guild) -> None:
        sounds = self._sounds.get(guild.id, {})
        sound = {**self._one(sounds.values()), "name": self._word()}
        del sound["user_id"]  # as Discord leaves it out of updates
        if self._pick(2):
            self._emit("GUILD_SOUNDBOARD_SOUND_UPDATE", guild, **sound)
        else:
            self._emit("GUILD_SOUNDBOARD_SOUNDS_UPDATE", guild, soundboard_sounds=[sound])

    def do_delete_sound(self, guild: Guild) -> None:
        sounds = self._sounds.get(guild.id, {})
        number = self._one(sounds)
        del sounds[number]
        self._emit("GUILD_SOUNDBOARD_SOUND_DELETE", guild, sound_id=str(number))

    # ----------------------------------------------------------------- guilds

    def do_edit_guild(self, guild: Guild) -> None:
        guild.description, guild.afk_timeout = self._word(), self._pick(600)
        data = serializers.guild_create_payload(self.backend, guild)
        whole = ("channels", "members", "threads", "voice_states", "member_count", "unavailable")
        self.backend.emit("GUILD_UPDATE", {k: v for k, v in data.items() if k not in whole})

    def do_outage(self, guild: Guild) -> None:
        self.backend.emit("GUILD_DELETE", {"id": str(guild.id), "unavailable": True})

    def do_come_back(self, guild: Guild) -> None:
        data = {**serializers.guild_create_payload(self.backend, guild), "unavailable": False}
        self.backend.emit("GUILD_CREATE", data)

    def do_come_back_as_new(self, guild: Guild) -> None:
        data = dict(serializers.guild_create_payload(self.backend, guild))
        del data["unavailable"]
        self._sounds.pop(guild.id, None)
        self.backend.emit("GUILD_CREATE", data)

    def do_join_guild(self, _: Guild) -> None:
        if len(self.backend.guilds) < 4:
            self.backend.create_guild(self._word())

    def do_leave_guild(self, guild: Guild) -> None:
        if len(self.backend.guilds) > 2:
            self.backend.remove_guild(guild.id)


def _archived(metadata: ThreadMetadata | None) -> bool:
    return metadata is not None and metadata.archived
