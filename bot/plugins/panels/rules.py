"""Which roles a panel may offer, and what a press changes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from discord import Permissions

from bot.commands.wording import permission

Style = Literal["select", "buttons"]
Mode = Literal["any", "one"]

MAX_ROLES = 25  # options of a select, and buttons of a message

# Whoever has one of these can do harm to others: nobody gets it by pressing a button.
DANGEROUS = (
    "administrator",
    "ban_members",
    "kick_members",
    "manage_channels",
    "manage_emojis_and_stickers",
    "manage_events",
    "manage_guild",
    "manage_messages",
    "manage_nicknames",
    "manage_roles",
    "manage_threads",
    "manage_webhooks",
    "mention_everyone",
    "moderate_members",
    "move_members",
    "mute_members",
    "deafen_members",
    "view_audit_log",
)


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """Where a role stands; of two at one position, the older one is higher."""

    position: int
    age: int

    @classmethod
    def of(cls, position: int, role_id: int) -> Rank:
        """Answer the rank of a role."""
        return cls(position, -role_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """A role, as far as it matters here.

    Attributes:
        everyone: It is the role of all members.
        managed: An integration, a bot or boosting gives it.
        permissions: As Discord's number.
    """

    id: int
    name: str
    rank: Rank
    permissions: int
    everyone: bool = False
    managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Givers:
    """Who stands behind a panel.

    Attributes:
        bot: The bot's highest role.
        maker: The highest role of the member who made the panel; None for the server's owner, and
            for one who has left, whose panels live on.
    """

    bot: Rank
    maker: Rank | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Ids of roles to give and to take."""

    give: tuple[int, ...] = ()
    take: tuple[int, ...] = ()


def refusal(role: RoleFacts, givers: Givers) -> str | None:
    """Answer why members may not give *role* to themselves, None if they may."""
    if role.everyone:
        return "everybody has it"
    if role.managed:
        return "an integration manages it, so nobody can be given it"
    granted = Permissions(role.permissions)
    harmful = [name for name in DANGEROUS if getattr(granted, name)]
    if harmful:
        return f"it grants {permission(harmful[0])}"
    if role.rank >= givers.bot:
        return "it is not below my highest role"
    if givers.maker is not None and role.rank >= givers.maker:
        return "it is not below the highest role of the panel's maker"
    return None


def refusals(roles: Iterable[RoleFacts], givers: Givers) -> list[str]:
    """Answer a line for each of *roles* that a panel may not offer."""
    found = ((role.name, refusal(role, givers)) for role in roles)
    return [f"**{name}**: {why}." for name, why in found if why is not None]


def chosen(offered: Collection[int], held: Collection[int], choice: Collection[int]) -> Change:
    """Answer the change after which a member has *choice* of the *offered* roles, no others.

    A menu says what its member wants to have, not what to change: doing it twice does no harm.
    """
    return Change(
        give=tuple(role for role in offered if role in choice and role not in held),
        take=tuple(role for role in offered if role in held and role not in choice),
    )


def toggled(mode: Mode, offered: Collection[int], held: Collection[int], role: int) -> Change:
    """Answer what pressing the button of *role* changes."""
    if role in held:
        return Change(take=(role,))
    if mode == "any":
        return Change(give=(role,))
    return Change(give=(role,), take=tuple(each for each in offered if each in held))


def told(
    given: Iterable[str],
    taken: Iterable[str],
    kept: Iterable[str] = (),
    stuck: Iterable[str] = (),
) -> str:
    """Answer what was done, with roles as mentions; *stuck* are those that can't be taken."""
    gave, took, has, stay = (", ".join(each) for each in (given, taken, kept, stuck))
    lines = []
    if gave:
        lines.append(f"You now have {gave}.")
    if took:
        lines.append(f"You no longer have {took}.")
    if stay:
        lines.append(f"I can't take {stay} from you: not below my highest role.")
    if not lines:
        lines.append(f"Nothing changed: you have {has}." if has else "Nothing changed.")
    return "\n".join(lines)
