"""The panel's own sections: what a server sets that is no matter of one plugin alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from bot.guilds.model import MAX_IGNORED, GuildSettings
from bot.guilds.sections import ON, Control, Form, Menu, Switch
from bot.plugins.settings import changing, overview
from bot.plugins.settings.changing import Channels, Roles, Written
from bot.views.page import Field

if TYPE_CHECKING:
    import discord

    from bot.client import Novera

TEMPLATE = "{user} {mention} {server} {count}; empty: none"


class General:
    """Where things are told, how commands begin, what warnings lead to."""

    name, title = "general", "General"

    def __init__(self, bot: Novera) -> None:
        self._bot = bot

    def fields(self, settings: GuildSettings) -> Sequence[Field]:
        """Answer what is set."""
        return overview.general(settings, self._bot.settings.command_prefix)

    def controls(self, settings: GuildSettings) -> Sequence[Control]:
        """Answer what changes it."""
        return (
            _channel("log_channel_id", "Log channel", settings),
            Menu(
                key="audit_ignored",
                label="Channels that the audit log leaves out",
                kind="channels",
                chosen=settings.audit_ignored,
                most=MAX_IGNORED,
            ),
            _role("ticket_role_id", "Role that sees tickets", settings),
            _form("prefix", "Prefix", "Before text commands; empty: the default", settings, 8),
            _form("timezone", "Time zone", "As Europe/Berlin; empty: UTC", settings, 64),
            _form(
                "warn_thresholds", "Warnings", "A line each: 3 timeout 1h; empty: none", settings
            ),
        )

    async def change(self, member: discord.Member, key: str, values: tuple[str, ...]) -> None:
        """Set one of them."""
        if key == "audit_ignored":
            ids = tuple(map(int, values))
            await changing.leave_out(self._bot, member.guild, ids)
        else:
            await _set(self._bot, member, key, values)


class Welcoming:
    """What new members see and get."""

    name, title = "arrivals", "Who comes and goes"

    def __init__(self, bot: Novera) -> None:
        self._bot = bot

    def fields(self, settings: GuildSettings) -> Sequence[Field]:
        """Answer what is set."""
        return overview.arrivals(settings)

    def controls(self, settings: GuildSettings) -> Sequence[Control]:
        """Answer what changes it."""
        return (
            _channel("welcome_channel_id", "Welcome channel", settings),
            _role("autorole_id", "Role for everybody who joins", settings),
            Switch(key="autorole_bots", label="Role for bots too", is_on=settings.autorole_bots),
            _form("welcome_text", "Welcome text", TEMPLATE, settings),
            _form("leave_text", "Leave text", TEMPLATE, settings),
        )

    async def change(self, member: discord.Member, key: str, values: tuple[str, ...]) -> None:
        """Set one of them."""
        if key == "autorole_bots":
            is_on = values == (ON,)
            await self._bot.services.guilds.change(member.guild.id, autorole_bots=is_on)
        else:
            await _set(self._bot, member, key, values)


async def _set(bot: Novera, member: discord.Member, key: str, values: tuple[str, ...]) -> None:
    if key.endswith("_channel_id"):
        channel = int(values[0]) if values else None
        await changing.choose_channel(bot, member.guild, cast("Channels", key), channel)
    elif key.endswith("role_id"):
        role = int(values[0]) if values else None
        await changing.choose_role(bot, member, cast("Roles", key), role)
    else:
        await changing.write(bot, member.guild.id, cast("Written", key), "".join(values))


def _channel(key: Channels, label: str, settings: GuildSettings) -> Menu:
    return Menu(key=key, label=label, kind="text_channels", chosen=_one(getattr(settings, key)))


def _role(key: Roles, label: str, settings: GuildSettings) -> Menu:
    return Menu(key=key, label=label, kind="roles", chosen=_one(getattr(settings, key)))


def _one(chosen: int | None) -> tuple[int, ...]:
    return () if chosen is None else (chosen,)


def _form(
    key: Written, label: str, hint: str, settings: GuildSettings, longest: int = 1500
) -> Form:
    return Form(
        key=key,
        label=label,
        hint=hint,
        text=changing.written(settings, key),
        longest=longest,
        is_long=longest > 100,
    )
