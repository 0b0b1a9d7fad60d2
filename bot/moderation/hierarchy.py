"""Who may act on whom. Pure.

Discord checks the bot's highest role only, never that of the moderator who asked the bot. Without
these rules every moderator would be as high as the bot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Rank(NamedTuple):
    """Where a role stands; of two at one position the older, whose id is lower, is higher."""

    position: int
    older: int

    @classmethod
    def of(cls, position: int, role_id: int) -> Rank:
        """Answer the rank of a role."""
        return cls(position, -role_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user as the rules see them.

    Attributes:
        rank: Of their highest role; None for who is not a member of the guild.
        is_admin: Whether they have the permission Administrator; Discord lets nobody time them out.
    """

    id: int
    rank: Rank | None
    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """A role as the rules see it.

    Attributes:
        is_default: Whether it is @everyone, which nobody can be given.
        is_managed: Whether it belongs to an integration, a bot or boosts.
    """

    rank: Rank
    is_default: bool = False
    is_managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why somebody may not act; *text* is for them."""

    text: str


SELF = Refusal(text="You can't do that to yourself.")
BOT = Refusal(text="I won't do that to myself.")
OWNER = Refusal(text="That is the server's owner; nobody can do that to them.")
ABOVE_ACTOR = Refusal(
    text="You can't do that: their highest role is not below yours. Ask somebody above them."
)
ABOVE_BOT = Refusal(
    text="I can't do that: their highest role is not below mine. Move my role above theirs in the"
    " server's settings."
)
ACTOR_LEFT = Refusal(text="You are no longer a member of this server.")
ADMIN = Refusal(text="Discord lets nobody time out an administrator. Take that role away first.")
ROLE_DEFAULT = Refusal(text="Everybody has that role; it can't be given or taken.")
ROLE_MANAGED = Refusal(text="Discord or another app manages that role; it can't be given or taken.")
ROLE_ABOVE_ACTOR = Refusal(text="You can't do that: that role is not below your highest role.")
ROLE_ABOVE_BOT = Refusal(
    text="I can't do that: that role is not below mine. Move my role above it in the server's"
    " settings."
)


def may_act(actor: Person, target: Person, bot: Person, owner_id: int) -> Refusal | None:
    """Answer why *actor* may not have *bot* act on *target*, None when they may.

    Args:
        actor: The moderator; *bot* itself where the bot acts of its own accord.
        target: A member, or a user who is none: those have no role to be above anybody.
        owner_id: The guild's owner.
    """
    if target.id == bot.id:
        return BOT
    if target.id == actor.id:
        return SELF
    if target.id == owner_id:
        return OWNER
    if actor.id != bot.id:
        if actor.rank is None:
            return ACTOR_LEFT
        if actor.id != owner_id and target.rank is not None and target.rank >= actor.rank:
            return ABOVE_ACTOR
    if target.rank is not None and not _reaches(bot, target.rank, owner_id):
        return ABOVE_BOT
    return None


def may_time_out(actor: Person, target: Person, bot: Person, owner_id: int) -> Refusal | None:
    """As `may_act`, and administrators can't be timed out by anybody."""
    refusal = may_act(actor, target, bot, owner_id)
    return ADMIN if refusal is None and target.is_admin else refusal


def may_change_roles_of(
    actor: Person, target: Person, bot: Person, owner_id: int
) -> Refusal | None:
    """As `may_act`, but moderators may change their own, and the bot those of who is above it."""
    refusal = may_act(actor, target, bot, owner_id)
    return None if refusal in (SELF, ABOVE_BOT) else refusal


def may_change_role(actor: Person, role: RoleFacts, bot: Person, owner_id: int) -> Refusal | None:
    """Answer why *actor* may not have *bot* give or take *role*, None when they may."""
    if role.is_default:
        return ROLE_DEFAULT
    if role.is_managed:
        return ROLE_MANAGED
    if actor.id != bot.id:
        if actor.rank is None:
            return ACTOR_LEFT
        if actor.id != owner_id and role.rank >= actor.rank:
            return ROLE_ABOVE_ACTOR
    return None if _reaches(bot, role.rank, owner_id) else ROLE_ABOVE_BOT


def _reaches(bot: Person, rank: Rank, owner_id: int) -> bool:
    return bot.id == owner_id or (bot.rank is not None and rank < bot.rank)
