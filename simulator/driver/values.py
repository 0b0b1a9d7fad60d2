"""Names in a request turned into what SimCord's actors choose."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from simcord.backend.models import Channel, Guild
from simcord.components import walk_components
from simcord.enums import ComponentType, OptionType

from simulator.driver.stage import Stage
from simulator.errors import RefusedError, UnknownNameError
from simulator.world import World

_KINDS = {
    int(OptionType.USER): "user",
    int(OptionType.CHANNEL): "channel",
    int(OptionType.ROLE): "role",
    int(OptionType.MENTIONABLE): "mentionable",
}
_SELECT_KINDS = {
    int(ComponentType.USER_SELECT): "user",
    int(ComponentType.ROLE_SELECT): "role",
    int(ComponentType.MENTIONABLE_SELECT): "mentionable",
    int(ComponentType.CHANNEL_SELECT): "channel",
}


def resolve_option(
    stage: Stage, world: World, place: Channel, declared: Mapping[str, Any] | None, value: Any
) -> Any:
    """Answer the value of a command's option; names of users, roles, channels are looked up."""
    kind = int(declared["type"]) if declared else 0
    if kind in _KINDS:
        return _entity(stage, world, place, _KINDS[kind], str(value))
    if kind == OptionType.ATTACHMENT:
        try:
            return value["filename"], base64.b64decode(value["content_base64"], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise RefusedError("an attachment needs filename and content_base64") from error
    return value


def resolve_value(
    stage: Stage,
    world: World,
    place: Channel,
    components: Sequence[Mapping[str, Any]],
    custom_id: str | None,
    value: str,
) -> Any:
    """Answer a value of a select menu; entities are looked up by name."""
    for component in walk_components(list(components)):
        kind = _SELECT_KINDS.get(component.get("type", 0))
        if kind is not None and custom_id in (None, component.get("custom_id")):
            return _entity(stage, world, place, kind, value)
    return value


def _entity(stage: Stage, world: World, place: Channel, kind: str, name: str) -> Any:
    if place.guild_id is None:
        raise RefusedError("users, roles and channels can be chosen in guilds only")
    guild = world.backend.get_guild(place.guild_id)
    if kind == "channel":
        return stage.channel(world.channel(name, guild=str(guild.id)))
    if kind == "role":
        return stage.role(guild, _role(guild, name))
    if kind == "user":
        return stage.member(guild, world.user(name))
    try:
        return stage.member(guild, world.user(name))
    except UnknownNameError:
        return stage.role(guild, _role(guild, name))


def _role(guild: Guild, name: str) -> Any:
    found = [role for role in guild.roles.values() if name in (role.name, str(role.id))]
    if len(found) != 1:
        raise UnknownNameError("role", name, [role.name for role in guild.roles.values()])
    return found[0]
