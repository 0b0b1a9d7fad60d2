"""Menus of the panel: what of a setting they can show, and what is kept beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.guilds.sections import MAX_OPTIONS, Menu

TEXT_CHANNELS = [discord.ChannelType.text, discord.ChannelType.news]


def select_of(menu: Menu, custom_id: str, guild: discord.Guild) -> discord.ui.Item[Any]:
    """Answer the menu with what is chosen now, as far as that is still there."""
    most = min(menu.most, MAX_OPTIONS)
    if menu.kind == "options":
        options = [
            discord.SelectOption(label=label, value=key, default=key in menu.chosen)
            for key, label in menu.options.items()
        ]
        return discord.ui.Select(
            custom_id=custom_id,
            placeholder=menu.label,
            options=options,
            min_values=0,
            max_values=most,
        )
    shown = [discord.Object(each) for each in there(menu, guild)[:most]]
    if menu.kind == "roles":
        return discord.ui.RoleSelect(
            custom_id=custom_id,
            placeholder=menu.label,
            min_values=0,
            max_values=most,
            default_values=shown,
        )
    return discord.ui.ChannelSelect(
        custom_id=custom_id,
        placeholder=menu.label,
        min_values=0,
        max_values=most,
        channel_types=TEXT_CHANNELS if menu.kind == "text_channels" else [],
        default_values=shown,
    )


def remaining(menu: Menu, guild: discord.Guild) -> Sequence[str]:
    """Answer what is chosen and finds no room in the menu: it stays chosen."""
    if menu.kind == "options":
        return ()
    return tuple(map(str, there(menu, guild)[min(menu.most, MAX_OPTIONS) :]))


def there(menu: Menu, guild: discord.Guild) -> Sequence[int]:
    """Answer the chosen channels or roles that the guild has; Discord refuses to show others."""
    find = guild.get_role if menu.kind == "roles" else guild.get_channel_or_thread
    return [each for each in menu.chosen if isinstance(each, int) and find(each) is not None]
