"""SimCord's actors without its in-process client.

SimCord lets simulated people act through an environment that normally holds a client.
`Stage` is that environment with the client left out: actors keep all their checks (may this
user see the command, is the button disabled, do the options fit) and the events they cause
leave over the wire.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, cast

from simcord.actors import MemberActor
from simcord.backend import Backend
from simcord.backend.models import Channel, Guild, Interaction, Message, Role, User
from simcord.builders import ChannelHandle, GuildHandle, RoleHandle, UserHandle
from simcord.env import Env
from simcord.results import InteractionResult, ResponseMessage


class Stage:
    """The part of SimCord's environment that its actors ask for."""

    bot = None
    strict_sync = True

    def __init__(self, backend: Backend, on_interaction: Callable[[Interaction], None]) -> None:
        self.backend = backend
        self._on_interaction = on_interaction
        self._message_states: weakref.WeakSet[Any] = weakref.WeakSet()

    def actor(self, user: User, channel: Channel) -> MemberActor | UserHandle:
        """Answer *user* as somebody who acts in *channel*."""
        handle = UserHandle(self._env, user)
        if channel.guild_id is None:
            return handle
        return MemberActor(self._env, self._guild(channel.guild_id), handle)

    def channel(self, channel: Channel) -> ChannelHandle:
        """Answer a channel as actors name it."""
        guild = None if channel.guild_id is None else self._guild(channel.guild_id)
        return ChannelHandle(self._env, guild, channel)

    def member(self, guild: Guild, user: User) -> MemberActor:
        """Answer a member, as a value of a select or an option."""
        return MemberActor(self._env, self._guild(guild.id), UserHandle(self._env, user))

    def role(self, guild: Guild, role: Role) -> RoleHandle:
        """Answer a role, as a value of a select or an option."""
        return RoleHandle(self._env, self._guild(guild.id), role)

    def message(self, message: Message) -> ResponseMessage:
        """Answer a message as actors name it."""
        return ResponseMessage(self._env, message)

    def shown(self, record: Interaction) -> InteractionResult:
        """Answer an interaction as actors name it."""
        return InteractionResult(self._env, record)

    def _guild(self, guild_id: int) -> GuildHandle:
        return GuildHandle(self._env, self.backend.get_guild(guild_id))

    @property
    def _env(self) -> Env:
        return cast("Env", self)

    # What actors call on their environment; there is no client to settle here.

    def _begin_operation(self, label: str) -> None: ...

    def _end_operation(self) -> None: ...

    def _mark_mutation(self) -> None: ...

    def _notify_dispatch_observers(self, interaction: Interaction) -> None:
        self._on_interaction(interaction)

    async def _settle_internal(self, *, dispatch: str = "") -> None: ...
