"""What is said to who comes and of who goes, and which role they are given. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.guilds.templates import render

UNSEEN = "\u200b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who joins or leaves; *name* is `harmless`."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What decides whether the bot can give a role.

    Attributes:
        role_position: None for a role that is gone.
        role_managed: It belongs to an integration, and nobody can give it.
        may_manage: The bot has the permission to manage roles.
    """

    role_name: str = ""
    role_position: int | None = None
    role_managed: bool = False
    bot_position: int = 0
    may_manage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What decides whether the bot can say something where members are welcomed.

    Attributes:
        is_set: A channel was chosen; *is_there* if it still exists.
        may_send: The bot sees it, and may write there.
    """

    is_set: bool = True
    is_there: bool = True
    may_send: bool = True


def harmless(name: str) -> str:
    """Answer a name as text: people call themselves by links and invites to have them posted."""
    shown = discord.utils.escape_markdown(name, ignore_links=False)
    return discord.utils.escape_mentions(shown).replace("/", f"/{UNSEEN}")


def silence(stage: Stage) -> str | None:
    """Answer why nobody can be welcomed, None when they can."""
    if not stage.is_set:
        return "There is no welcome channel, so nothing is said; `/settings` sets one."
    if not stage.is_there:
        return "The welcome channel is gone; set another one with `/settings`."
    if not stage.may_send:
        return "I may not send messages in the welcome channel."
    return None


def greeting(template: str, person: Person, *, server: str, count: int) -> str:
    """Answer *template* about *person*, as the member number *count*."""
    return render(
        template,
        {
            "user": person.name,
            "mention": f"<@{person.id}>",
            "server": server,
            "count": count,
        },
    )


def obstacle(grant: Grant) -> str | None:
    """Answer why the bot can't give the role to new members, None when it can."""
    if grant.role_position is None:
        return "The role for new members is gone; set another one with `/settings`."
    name = f"`{grant.role_name.replace('`', '')}`"
    if grant.role_managed:
        return f"The role {name} for new members belongs to an integration, so I can't give it."
    if not grant.may_manage:
        return f"I can't give new members the role {name}: I may not manage roles."
    if grant.role_position >= grant.bot_position:
        return f"I can't give new members the role {name}: it is not below my own highest role."
    return None
