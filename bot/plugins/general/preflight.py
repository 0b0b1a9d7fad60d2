"""What the bot lacks in a server: permissions, intents, and a place in the list of roles. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.commands.wording import permission
from bot.views.page import MAX_VALUE, Field, Page, cut

MAX_NAMES = 12  # features named for one permission
OUT_OF_REACH = 0.5  # part of a server's roles; more than that is rarely meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A command, or what a plugin does unasked.

    Attributes:
        needs: Names of `discord.Permissions`.
        intents: Names of privileged intents.
    """

    name: str
    needs: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the bot has.

    Attributes:
        held: Permissions in the whole server.
        denied_here: Those of them that this channel takes away.
        intents: Names of the privileged ones that are on.
        top_role: Name of its highest role.
        roles_above: Roles over that one, which it can't give, take or change.
        roles: How many roles the server has, @everyone and the bot's highest left out.
    """

    held: frozenset[str]
    denied_here: frozenset[str]
    intents: frozenset[str]
    top_role: str
    roles_above: int
    roles: int


def describe(features: Sequence[Feature], standing: Standing) -> Page:
    """Answer the page of ``/status`` that says which features lack what."""
    missing = _by_need(
        features, lambda each: [need for need in each.needs if need not in standing.held]
    )
    denied = _by_need(
        features, lambda each: [need for need in each.needs if need in standing.denied_here]
    )
    off = _by_need(
        features, lambda each: [need for need in each.intents if need not in standing.intents]
    )
    fields = [
        Field(name=title, value=cut("\n".join(lines), MAX_VALUE), inline=False)
        for title, lines in (
            ("🔴 Permissions I lack in this server", missing),
            ("🟠 Permissions I lack in this channel", denied),
            ("🔴 Intents that are off (developer portal and PRIVILEGED_INTENTS)", off),
            ("🟠 My place among the roles", _roles(standing)),
        )
        if lines
    ]
    if fields:
        return Page(title="This server", text="Some of what I do won't work.", fields=tuple(fields))
    return Page(
        title="This server", text=f"🟢 I have all that my {len(features)} features need here."
    )


def _by_need(features: Iterable[Feature], lacking: Callable[[Feature], Iterable[str]]) -> list[str]:
    """Answer a line for each thing that is lacking, with the features that need it."""
    found: dict[str, list[str]] = {}
    for feature in features:
        for need in lacking(feature):
            found.setdefault(need, []).append(feature.name)
    return [f"**{permission(need)}**: {_names(names)}" for need, names in sorted(found.items())]


def _names(names: Iterable[str]) -> str:
    known = list(dict.fromkeys(names))
    shown = ", ".join(known[:MAX_NAMES])
    return f"{shown} and {len(known) - MAX_NAMES} more" if len(known) > MAX_NAMES else shown


def _roles(standing: Standing) -> list[str]:
    if not standing.roles or standing.roles_above <= standing.roles * OUT_OF_REACH:
        return []
    many = "All" if standing.roles_above == standing.roles else f"{standing.roles_above}"
    return [
        f"{many} of {standing.roles} other roles are above my highest one, "
        f"**{cut(standing.top_role, 100)}**: I can't give or take them, and I can't moderate those"
        " who have them. Drag mine up in the server's settings."
    ]
