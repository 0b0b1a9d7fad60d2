"""Automod's place in the panel of `/settings`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.guilds.sections import MAX_FORM, ON, Control, Form, Menu, Switch
from bot.plugins.automod import editing, writing
from bot.plugins.automod.config import LABELS, MAX_EXEMPT, RULES, Config, ConfigError, decode
from bot.views.page import Field

if TYPE_CHECKING:
    import discord

    from bot.guilds.model import GuildSettings
    from bot.plugins.automod.keeping import Keeper


LIMITS = "A line each, as in `/automod rule configure`."
WORDS = "A line each; in stars, *as here*, they are found inside of words, too."
DOMAINS = "A line each: allow example.com, or deny example.org."


class AutomodSection:
    """Which rules are on, whom they spare, and all that they are given, as texts."""

    name, title = "automod", "Automod"

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def fields(self, settings: GuildSettings) -> Sequence[Field]:
        """Answer which rules are on."""
        try:
            config = decode(settings.automod)
        except ConfigError as error:
            return (Field(name="Automod", value=f"can't be read: {error}"),)
        enabled = ", ".join(name for name in RULES if config.rules[name].enabled)
        dry = " (dry run: nothing is done)" if config.dry_run else ""
        return (Field(name="Automod", value=f"{enabled or 'all rules off'}{dry}"),)

    def controls(self, settings: GuildSettings) -> Sequence[Control]:
        """Answer what changes them; what is too long for a form has commands alone."""
        try:
            config = decode(settings.automod)
        except ConfigError:
            return ()
        forms = (
            _form("limits", "What rules do", LIMITS, writing.limits(config)),
            _form("words", "Words", WORDS, writing.words(config)),
            _form("domains", "Domains", DOMAINS, writing.domains(config)),
        )
        return (
            Menu(
                key="rules",
                label="Rules that are on",
                kind="options",
                chosen=tuple(name for name in RULES if config.rules[name].enabled),
                most=len(RULES),
                options={name: f"{name}: {LABELS[name]}" for name in RULES},
            ),
            _exempt("roles", config.exempt_roles),
            _exempt("channels", config.exempt_channels),
            Switch(key="dry_run", label="Dry run", is_on=config.dry_run),
            *(form for form in forms if len(form.text) <= MAX_FORM),
        )

    async def change(self, member: discord.Member, key: str, values: tuple[str, ...]) -> None:
        """Set what was chosen or written."""
        text = "".join(values)
        changes: dict[str, Callable[[Config], Config]] = {
            "rules": lambda config: editing.switched_to(config, values),
            "exempt_roles": lambda config: _sparing(config, "roles", values),
            "exempt_channels": lambda config: _sparing(config, "channels", values),
            "dry_run": lambda config: replace(config, dry_run=values == (ON,)),
            "limits": lambda config: writing.with_limits(config, text),
            "words": lambda config: writing.with_words(config, text),
            "domains": lambda config: writing.with_domains(config, text),
        }
        await self._keeper.change(member.guild.id, changes[key])


def _form(key: str, label: str, hint: str, text: str) -> Form:
    return Form(key=key, label=label, hint=hint, text=text, longest=MAX_FORM, is_long=True)


def _exempt(kind: str, ids: tuple[int, ...]) -> Menu:
    return Menu(
        key=f"exempt_{kind}",
        label=f"{kind.capitalize()} without rules",
        kind="roles" if kind == "roles" else "channels",
        chosen=ids,
        most=MAX_EXEMPT,
    )


def _sparing(config: Config, kind: str, values: tuple[str, ...]) -> Config:
    return editing.checked(replace(config, **{f"exempt_{kind}": tuple(map(int, values))}))  # type: ignore[arg-type]
