"""What a server and a user are, as pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.views.page import Field, Page

MAX_ROLES = 20
# Who holds one of these may do harm; the others are of no interest here.
KEY_PERMISSIONS = (
    "administrator",
    "manage_guild",
    "manage_roles",
    "manage_channels",
    "manage_messages",
    "ban_members",
    "kick_members",
    "moderate_members",
    "mention_everyone",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A server; *channels* counts them by kind."""

    id: int
    name: str
    owner_id: int | None
    created_at: datetime
    members: int
    bots: int | None
    roles: int
    channels: Mapping[str, int] = field(default_factory=dict)
    boosts: int = 0
    boost_tier: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipFacts:
    """What a user is in this server; *roles* are ids, highest first."""

    nick: str | None
    joined_at: datetime | None
    roles: Sequence[int] = ()
    permissions: frozenset[str] = frozenset()
    timed_out_until: datetime | None = None
    is_owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFacts:
    """A user, wherever they are; *membership* is None for who is not in this server."""

    id: int
    name: str
    is_bot: bool
    created_at: datetime
    membership: MembershipFacts | None = None


def server_page(facts: ServerFacts) -> Page:
    """Answer the page about a server."""
    people = str(facts.members)
    if facts.bots is not None:
        people += f", {facts.bots} of them bots"
    channels = ", ".join(f"{count} {kind}" for kind, count in facts.channels.items() if count)
    fields = [
        Field(name="Id", value=str(facts.id)),
        Field(name="Owner", value=f"<@{facts.owner_id}>" if facts.owner_id else "unknown"),
        Field(name="Made", value=dated(facts.created_at)),
        Field(name="Members", value=people),
        Field(name="Roles", value=str(facts.roles)),
        Field(name="Channels", value=channels or "none"),
    ]
    if facts.boosts:
        fields.append(Field(name="Boosts", value=f"{facts.boosts}, level {facts.boost_tier}"))
    return Page(title=facts.name, fields=tuple(fields))


def user_page(facts: UserFacts, *, now: datetime) -> Page:
    """Answer the page about a user."""
    fields = [
        Field(name="User", value=f"<@{facts.id}>{' (bot)' if facts.is_bot else ''}"),
        Field(name="Id", value=str(facts.id)),
        Field(name="Account made", value=dated(facts.created_at)),
    ]
    here = facts.membership
    if here is None:
        fields.append(Field(name="Here", value="Not a member of this server."))
        return Page(title=facts.name, fields=tuple(fields))
    if here.nick:
        fields.append(Field(name="Nickname", value=here.nick))
    if here.joined_at is not None:
        fields.append(Field(name="Joined", value=dated(here.joined_at)))
    if here.timed_out_until is not None and here.timed_out_until > now:
        fields.append(Field(name="Timed out until", value=dated(here.timed_out_until)))
    fields.append(Field(name="Roles", value=_roles(here.roles), inline=False))
    powers = _powers(here)
    if powers:
        fields.append(Field(name="May", value=powers, inline=False))
    return Page(title=facts.name, fields=tuple(fields))


def dated(moment: datetime) -> str:
    """Answer *moment* as Discord shows it in everybody's own zone, with how long ago that is."""
    stamp = int(moment.timestamp())
    return f"<t:{stamp}:D> (<t:{stamp}:R>)"


def _roles(roles: Sequence[int]) -> str:
    shown = " ".join(f"<@&{each}>" for each in roles[:MAX_ROLES])
    more = len(roles) - MAX_ROLES
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def _powers(here: MembershipFacts) -> str:
    if here.is_owner:
        return "everything, as the owner"
    if "administrator" in here.permissions:
        return "everything, as an administrator"
    held = [each for each in KEY_PERMISSIONS if each in here.permissions]
    return ", ".join(each.replace("_", " ") for each in held)
