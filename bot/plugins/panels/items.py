"""The menus and buttons of panels: whatever they need is in the message that bears them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Self, cast

import discord

from bot.plugins.panels import model
from bot.plugins.panels.giving import Press, give
from bot.plugins.panels.model import Design
from bot.plugins.panels.rules import Mode
from bot.views.page import cut

MAX_LABEL = 80  # of a button; an option's may have 100


class PanelSelect(
    discord.ui.DynamicItem[discord.ui.Select[discord.ui.View]], template=model.SELECT
):
    """The menu of a panel: what is chosen is what its member wants to have."""

    def __init__(self, item: discord.ui.Select[discord.ui.View], mode: Mode, maker: int) -> None:
        super().__init__(item)
        self._mode, self._maker = mode, maker

    @classmethod
    def made(cls, design: Design, roles: Iterable[discord.Role]) -> Self:
        """Answer the menu for *design*."""
        options = [
            discord.SelectOption(label=cut(role.name, MAX_LABEL), value=str(role.id))
            for role in roles
        ]
        one = design.mode == "one"
        menu: discord.ui.Select[discord.ui.View] = discord.ui.Select(
            custom_id=model.select_id(design.mode, design.maker),
            placeholder="Choose the role you want" if one else "Choose all roles you want to have",
            min_values=0,
            max_values=1 if one else len(options),
            options=options,
        )
        return cls(menu, design.mode, design.maker)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the menu that was used, from its message."""
        return cls(item, cast("Mode", match["mode"]), int(match["maker"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Give and take what was chosen."""
        press = Press(
            maker=self._maker,
            mode=self._mode,
            offered=tuple(_ids(option.value for option in self.item.options)),
            choice=tuple(_ids(self.item.values)),
        )
        await give(interaction, press)


class PanelButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=model.BUTTON
):
    """The button of one role."""

    def __init__(
        self, item: discord.ui.Button[discord.ui.View], mode: Mode, maker: int, role: int
    ) -> None:
        super().__init__(item)
        self._mode, self._maker, self._role = mode, maker, role

    @classmethod
    def made(cls, design: Design, role: discord.Role) -> Self:
        """Answer the button for *role*."""
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
            label=cut(role.name, MAX_LABEL),
            style=discord.ButtonStyle.secondary,
            custom_id=model.button_id(design.mode, design.maker, role.id),
        )
        return cls(button, design.mode, design.maker, role.id)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the button that was pressed, from its message."""
        return cls(item, cast("Mode", match["mode"]), int(match["maker"]), int(match["role"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Give or take the role."""
        press = Press(
            maker=self._maker,
            mode=self._mode,
            offered=tuple(offered(interaction.message)),
            toggle=self._role,
        )
        await give(interaction, press)


ITEMS = (PanelSelect, PanelButton)


def offered(message: discord.Message | None) -> Iterator[int]:
    """Answer the roles that a message's buttons offer."""
    for row in message.components if message is not None else ():
        for child in row.children if isinstance(row, discord.ActionRow) else ():
            found = model.BUTTON.fullmatch(child.custom_id or "")
            if found is not None:
                yield int(found["role"])


def view_of(design: Design, roles: list[discord.Role]) -> discord.ui.View:
    """Answer what the panel's message bears."""
    view = discord.ui.View(timeout=None)
    if design.style == "select":
        view.add_item(PanelSelect.made(design, roles))
    else:
        for role in roles:
            view.add_item(PanelButton.made(design, role))
    return view


def _ids(values: Iterable[str]) -> Iterator[int]:
    return (int(value) for value in values if value.isascii() and value.isdigit())
