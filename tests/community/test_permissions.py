"""Permissions of a channel are none of the server."""

from __future__ import annotations

import pytest
from discord import Permissions
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from tests.community.stage import Stage
from tests.integration.serving import until


async def allow_here(stage: Stage, user: str, **permissions: bool) -> None:
    """Allow a member something in #general alone, as its owner would."""
    place = stage.world.channel("general")
    overwrite = Overwrite(
        target_id=stage.user_id(user),
        type=OverwriteType.MEMBER,
        allow=Permissions(**permissions).value,
        deny=0,
    )
    stage.backend.set_overwrite(place.id, overwrite)
    channel = stage.bot.guilds[0].get_channel(place.id)
    assert channel is not None
    await until(lambda: bool(channel.overwrites))


@pytest.mark.plugins("panels", "moderation")
async def test_who_manages_a_channels_permissions_gives_no_roles(stage: Stage) -> None:
    """Discord has one bit for both; in a channel it is "Manage Permissions"."""
    await stage.driver.add_role("Red")
    await allow_here(stage, "alice", manage_roles=True)

    assert "Manage Roles" in await stage.say("!panel create", user="alice")
    assert "Manage Roles" in await stage.slash("panel list", user="alice")
    assert "Manage Roles" in await stage.say("!role add alice Red", user="alice")
    assert "`panel" not in await stage.say("!help panel", user="alice")


@pytest.mark.plugins("tags")
async def test_who_manages_a_channels_messages_changes_no_tags(stage: Stage) -> None:
    """Tags are the server's."""
    await stage.say("!tag create rules Mine.", user="alice")
    await allow_here(stage, "bob", manage_messages=True)

    assert "not yours" in await stage.say("!tag edit rules Ha!", user="bob")
    assert "not yours" in await stage.slash("tag delete", {"name": "rules"}, user="bob")
