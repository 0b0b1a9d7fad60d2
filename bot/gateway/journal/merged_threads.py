"""The threads of one guild, made of all events that changed them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Payload = dict[str, Any]


class MergedThreads:
    """Thread payloads by id, and who is in them."""

    def __init__(self, self_id: int) -> None:
        self._self_id = self_id
        self._of: dict[int, Payload] = {}
        self._members: dict[int, dict[int, Payload]] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._of

    def put(self, thread: Payload) -> None:
        """Add what discord.py makes a new `Thread` of: the members of an old one are forgotten."""
        self._of[int(thread["id"])] = thread
        self._members.pop(int(thread["id"]), None)

    def drop(self, number: int) -> None:
        """Forget a thread."""
        self._of.pop(number, None)
        self._members.pop(number, None)

    def drop_those_in(self, channels: Iterable[int] | None) -> None:
        """Forget the threads of these channels, all of them for None."""
        wanted = None if channels is None else set(channels)
        for number, thread in list(self._of.items()):
            if wanted is None or int(thread["parent_id"]) in wanted:
                self.drop(number)

    def update(self, data: Payload) -> None:
        """Do as `parse_thread_update`; some fields have no part in updates of a known thread."""
        number = int(data["id"])
        archived = bool(data.get("thread_metadata", {}).get("archived"))
        if archived:
            self.drop(number)
        elif number not in self._of:
            self.put(data)
        else:
            thread = self._of[number]
            thread.update((key, data[key]) for key in ("name", "thread_metadata") if key in data)
            thread.update((key, data.get(key, 0)) for key in ("rate_limit_per_user", "flags"))
            thread["applied_tags"] = data.get("applied_tags", [])

    def sync(self, data: Payload) -> None:
        """Do as `parse_thread_list_sync`."""
        channels = data.get("channel_ids")
        self.drop_those_in(None if channels is None else map(int, channels))
        came = {int(thread["id"]): thread for thread in data.get("threads", [])}
        for thread in came.values():
            self.put(thread)
        for member in data.get("members", []):
            if int(member["id"]) in came:
                self._add(int(member["id"]), member)

    def set_own(self, data: Payload) -> None:
        """Note the bot's own membership."""
        thread = self._of.get(int(data["id"]))
        if thread is not None:
            thread["member"] = data

    def change_members(self, data: Payload) -> None:
        """Do as `parse_thread_members_update`."""
        number = int(data["id"])
        if number not in self._of:
            return
        for member in data.get("added_members", []):
            if int(member["user_id"]) == self._self_id:
                self._of[number]["member"] = member
            else:
                self._add(number, member)
        for user_id in map(int, data.get("removed_member_ids", [])):
            if user_id != self._self_id:
                self._members.get(number, {}).pop(user_id, None)

    def _add(self, number: int, member: Payload) -> None:
        user_id = int(member.get("user_id", self._self_id))
        kept = {key: member[key] for key in ("join_timestamp", "flags")}
        people = self._members.setdefault(number, {})
        people[user_id] = {"id": str(number), "user_id": str(user_id), **kept}

    def listed(self) -> tuple[list[Payload], list[Payload]]:
        """Answer the threads, and their members, as THREAD_LIST_SYNC names them."""
        members = [member for people in self._members.values() for member in people.values()]
        return list(self._of.values()), members
