"""Growing and changing the simulated world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from simcord.backend.errors import BackendError
from simcord.backend.models import Guild

from simulator.driver.base import Verbs
from simulator.errors import RefusedError

_MAX_MEMBERS = 10_000


class PlaceVerbs(Verbs):
    """Guilds, channels, people and roles. Names are taken as they are given."""

    async def world(self) -> dict[str, Any]:
        """Answer who and what there is."""
        backend = self._parts.world.backend
        return {
            "bot": {"id": str(backend.bot_user.id), "name": backend.bot_user.name},
            "application_id": str(backend.application_id),
            "owner": self._parts.world.owner.name,
            "guilds": [self._show_guild(guild) for guild in backend.guilds.values()],
        }

    def _show_guild(self, guild: Guild) -> dict[str, Any]:
        backend = self._parts.world.backend
        channels = [backend.channels[each] for each in guild.channel_ids]
        return {
            "id": str(guild.id),
            "name": guild.name,
            "member_count": len(guild.members),
            "members": [backend.users[each].name for each in list(guild.members)[:100]],
            "roles": [role.name for role in guild.roles.values()],
            "channels": [
                {"id": str(each.id), "name": each.name, "type": int(each.type)} for each in channels
            ],
        }

    async def add_guild(
        self, name: str, *, members: int = 0, shard: int | None = None, shard_count: int = 1
    ) -> dict[str, Any]:
        """Create a guild with a channel `general`, the default users and *members* more."""
        if not 0 <= members <= _MAX_MEMBERS:
            raise RefusedError(f"members must be in 0..{_MAX_MEMBERS}")
        if shard is not None and not 0 <= shard < shard_count:
            raise RefusedError("shard must be in 0..shard_count - 1")
        world = self._parts.world
        guild = world.add_guild(name, shard_id=shard, shard_count=shard_count)
        world.backend.create_channel(guild.id, "general")
        for known in ("alice", "bob"):
            world.backend.add_member(guild.id, world.user(known).id, announce=True)
        for number in range(members):
            user = world.backend.make_user(f"{name}-{number}")
            world.backend.add_member(guild.id, user.id, announce=True)
        return self._show_guild(guild)

    async def remove_guild(self, name: str) -> dict[str, Any]:
        """Remove the bot from a guild."""
        guild = self._parts.world.find_guild(name)
        self._parts.world.backend.remove_guild(guild.id)
        return {"removed": str(guild.id)}

    async def add_channel(
        self, name: str, *, guild: str | None = None, kind: str = "text"
    ) -> dict[str, Any]:
        """Create a channel; *kind* is a name of discord.ChannelType."""
        if kind not in discord.ChannelType.__members__:
            raise RefusedError(f"kind must be one of {', '.join(discord.ChannelType.__members__)}")
        inside = self._parts.world.find_guild(guild)
        number = int(discord.ChannelType[kind].value)
        channel = self._parts.world.backend.create_channel(inside.id, name, type=number)
        return {"id": str(channel.id), "name": name, "type": number}

    async def add_user(self, name: str, *, guild: str | None = None) -> dict[str, Any]:
        """Create a user, as a member of *guild*."""
        world = self._parts.world
        inside = world.find_guild(guild)
        user = world.backend.make_user(name)
        world.backend.add_member(inside.id, user.id, announce=True)
        return {"id": str(user.id), "name": name}

    async def remove_member(self, user: str, *, guild: str | None = None) -> dict[str, Any]:
        """Let a member leave a guild."""
        world = self._parts.world
        try:
            world.backend.remove_member(world.find_guild(guild).id, world.user(user).id)
        except BackendError as error:
            raise RefusedError(str(error)) from error
        return {"removed": user}

    async def add_role(
        self,
        name: str,
        *,
        permissions: Sequence[str] = (),
        members: Sequence[str] = (),
        guild: str | None = None,
    ) -> dict[str, Any]:
        """Create a role with *permissions* (names of discord.Permissions) and *members*."""
        world = self._parts.world
        unknown = sorted(set(permissions) - set(discord.Permissions.VALID_FLAGS))
        if unknown:
            raise RefusedError(f"there is no permission {unknown[0]!r}")
        inside = world.find_guild(guild)
        people = [world.user(each) for each in members]
        value = discord.Permissions(**dict.fromkeys(permissions, True)).value
        role = world.backend.create_role(inside.id, name, permissions=value)
        try:
            for user in people:
                world.backend.add_member_role(inside.id, user.id, role.id)
        except BackendError as error:
            raise RefusedError(str(error)) from error
        return {"id": str(role.id), "name": name, "permissions": str(value)}
