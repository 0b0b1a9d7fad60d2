"""Filling in the form of a self-role panel, as people do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.community.stage import Stage, words_of


async def make_panel(
    stage: Stage,
    roles: Sequence[str],
    *,
    style: str = "select",
    mode: str = "any",
    user: str = "mod",
    command: str = "panel create",
    options: dict[str, Any] | None = None,
) -> str:
    """Run the command and send the form; answers what the bot says to it."""
    shown = await stage.driver.slash(command, options=options, user=user, wait_s=10)
    assert shown["modal"] is not None, shown
    return await send_form(stage, shown["id"], roles, style=style, mode=mode)


async def send_form(
    stage: Stage, interaction: str, roles: Sequence[str], *, style: str, mode: str
) -> str:
    """Fill in and send the form that an interaction showed."""
    sent = await stage.driver.submit_modal(
        interaction,
        {
            "title": "Colours",
            "text": "Take what you like.",
            "roles": list(roles),
            "style": [style],
            "mode": [mode],
        },
        wait_s=10,
    )
    return words_of(sent["response"])


def panel_message(stage: Stage) -> str:
    """Answer the id of the newest panel."""
    found = [each for each in stage.messages() if each.embeds and each.components]
    return str(found[-1].id)


def roles_of(stage: Stage, user: str) -> set[str]:
    """Answer the names of a member's roles."""
    member = stage.guild.members[stage.user_id(user)]
    return {stage.guild.roles[role].name for role in member.role_ids} - {"@everyone"}
