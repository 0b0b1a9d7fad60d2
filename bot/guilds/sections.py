"""What a plugin adds to the panel of `/settings`: what it shows, and controls that change it. Pure.

A cog with an attribute ``settings_section`` has a place in the panel as long as it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import discord

from bot.guilds.model import GuildSettings
from bot.views.page import Field

MAX_OPTIONS = 25  # of Discord, in a menu
MAX_FORM = 4000  # characters of Discord's text fields
ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """Chooses channels, roles, or some of *options*.

    Attributes:
        key: Names it within its section; small letters and low lines.
        chosen: Ids, or keys of *options*.
        most: That many may be chosen.
        options: Labels by key.
    """

    key: str
    label: str
    kind: Literal["text_channels", "channels", "roles", "options"]
    chosen: tuple[int | str, ...] = ()
    most: int = 1
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A button that sets the other of `ON` and `OFF`, whatever is set when it is pressed."""

    key: str
    label: str
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A button that opens a form with one text.

    Attributes:
        hint: At most 100 characters.
        text: What is set now; empty for nothing.
    """

    key: str
    label: str
    hint: str
    text: str
    longest: int = 1500
    is_long: bool = False


Control = Menu | Switch | Form


class Section(Protocol):
    """A part of the panel: at most three menus, and five buttons.

    Attributes:
        name: Small letters, part of what makes its controls work after a restart.
        title: For people.
    """

    name: str
    title: str

    def fields(self, settings: GuildSettings) -> Sequence[Field]:
        """Answer what is set."""

    def controls(self, settings: GuildSettings) -> Sequence[Control]:
        """Answer what changes it."""

    async def change(self, member: discord.Member, key: str, values: tuple[str, ...]) -> None:
        """Set what was chosen: ids, keys, `ON` or `OFF`, or one text.

        Raises:
            Refused: it can't be set, or not by this member; says why.
        """
