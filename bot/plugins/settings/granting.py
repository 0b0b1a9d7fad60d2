"""Whether somebody may have the bot give a role to everybody who comes. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """A role that was chosen; positions count from the bottom.

    Attributes:
        held_back: The role of everybody, of an integration, or of boosters: nobody can give it.
    """

    position: int
    held_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chooser:
    """Who chose it."""

    is_owner: bool
    may_manage_roles: bool
    top_position: int


def problem(role: RoleFacts, chooser: Chooser, *, bot_top_position: int) -> str | None:
    """Answer why *role* can't be the autorole, None when it can.

    Who may not give a role by hand must not get it given by the bot: a second account would do.
    """
    if role.held_back:
        return "Discord manages that role itself: nobody can give it to others."
    if not chooser.is_owner and not chooser.may_manage_roles:
        return "The autorole is for those who may manage roles."
    if not chooser.is_owner and role.position >= chooser.top_position:
        return "That role is not below your own highest role, so you can't have it given."
    if role.position >= bot_top_position:
        return "That role is not below my highest role, so I can't give it. Move mine above it."
    return None
