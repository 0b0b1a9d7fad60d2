"""The members of one guild, made of all events that changed them. Pure.

Which of them a cache keeps depends on the client's flags; all are listed, and discord.py chooses.

In a cache one `User` serves all guilds, as the first of them named it; GUILD_MEMBER_UPDATE alone
changes it. So the newest of those that did must stay an event of its own, at its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

Payload = dict[str, Any]

_REPLACED = ("premium_since", "communication_disabled_until", "avatar", "banner")


class MergedMembers:
    """Member payloads by the user's id, each with its user."""

    def __init__(self, self_id: int) -> None:
        self.self_id = self_id
        self._of: dict[int, Payload] = {}
        self._renamed: dict[int, int] = {}  # user → sequence of the update that did it

    def put(self, member: Payload) -> None:
        """Add a member, or replace what is known of one by newer fields."""
        kept = {key: value for key, value in member.items() if key not in ("guild_id", "presence")}
        self._of[int(member["user"]["id"])] = kept

    def add(self, member: Payload) -> bool:
        """Add a member that joined; answers False for one that is known, and stays as it is."""
        is_new = int(member["user"]["id"]) not in self._of
        if is_new:
            self.put(member)
        return is_new

    def add_chunk(self, members: Iterable[Payload]) -> None:
        """Add those that are not known, or known by a message alone: as `ChunkRequest` does."""
        for member in members:
            known = self._of.get(int(member["user"]["id"]))
            if known is None or known.get("joined_at") is None:
                self.put(member)

    def update(self, data: Payload, sequence: int) -> None:
        """Do as `Member._update` and `Member._update_inner_user`."""
        user_id = int(data["user"]["id"])
        known = self._of.get(user_id)
        if known is None:
            self.put(data)
            self._renamed[user_id] = sequence
            return
        known |= {key: data[key] for key in ("nick", "pending") if key in data}
        known |= {key: data.get(key) for key in _REPLACED}
        known["avatar_decoration_data"] = data.get("avatar_decoration_data")
        known["roles"], known["flags"] = data["roles"], data.get("flags", 0)
        user = _user_after(known["user"], data["user"])
        if user is not known["user"]:
            known["user"], self._renamed[user_id] = user, sequence

    def renames(self) -> Iterator[tuple[int, Payload]]:
        """Answer sequence and payload of the updates that have to stay: members as they are now."""
        for user_id, sequence in self._renamed.items():
            yield sequence, self._of[user_id]

    def with_newest_user(self, thing: Payload) -> Payload:
        """Answer *thing* with the user that made it as they are now, if they are still here."""
        user = thing.get("user")
        member = None if user is None else self._of.get(int(user["id"]))
        return thing if member is None else {**thing, "user": member["user"]}

    def remove(self, user_id: int) -> None:
        """Forget a member."""
        self._of.pop(user_id, None)
        self._renamed.pop(user_id, None)

    def split(
        self, needed: Collection[int], limit: int
    ) -> tuple[list[Payload], list[list[Payload]]]:
        """Answer the members to list in the guild itself, and the others in chunks of *limit*.

        Args:
            needed: Those that a cache may take from the guild alone: people in voice channels.
        """
        if len(self._of) <= limit:
            return list(self._of.values()), []
        first, rest = list[Payload](), list[Payload]()
        for user_id, member in self._of.items():
            (first if user_id in needed or user_id == self.self_id else rest).append(member)
        return first, [rest[start : start + limit] for start in range(0, len(rest), limit)]


def _user_after(user: Payload, update: Payload) -> Payload:
    """Answer *user* changed by *update*, or as it was when nothing that can be seen differs."""
    fields = {key: update[key] for key in ("username", "discriminator", "avatar")}
    fields |= {key: update.get(key) for key in ("global_name", "primary_guild")}
    fields["public_flags"] = update.get("public_flags", 0)
    fields["avatar_decoration_data"] = update.get("avatar_decoration_data")
    return user if _visible(user) == _visible(fields) else {**user, **fields}


def _visible(user: Payload) -> tuple[object, ...]:
    decoration = user.get("avatar_decoration_data")
    return (
        *(user.get(key) for key in ("username", "discriminator", "avatar", "global_name")),
        user.get("public_flags", 0),
        None if decoration is None else decoration["sku_id"],
        user.get("primary_guild"),
    )
