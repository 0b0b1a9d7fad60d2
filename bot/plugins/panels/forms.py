"""The form in which a panel is designed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import discord

from bot.plugins.panels.model import MAX_TEXT, MAX_TITLE, Design
from bot.plugins.panels.rules import MAX_ROLES, Mode, Style
from bot.views.forms import Form

Submit = Callable[[discord.Interaction[Any], Design, list[discord.Role]], Awaitable[None]]

_STYLES = {"select": "One menu", "buttons": "A button for each role"}
_MODES = {"any": "As many as they like", "one": "One of them at a time"}


class PanelForm(Form):
    """Title, text, roles, style and mode; filled in with *old* when there is one."""

    def __init__(self, submit: Submit, *, old: Design | None = None) -> None:
        super().__init__("A panel of roles" if old is None else "Change the panel")
        self._submit = submit
        self._title: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="title", max_length=MAX_TITLE, default=old.title if old is not None else None
        )
        self._text: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="text",
            style=discord.TextStyle.paragraph,
            max_length=MAX_TEXT,
            required=False,
            default=old.text if old is not None else None,
        )
        self._roles: discord.ui.RoleSelect[Any] = discord.ui.RoleSelect(
            custom_id="roles",
            max_values=MAX_ROLES,
            required=True,
            default_values=[
                discord.SelectDefaultValue(id=role, type=discord.SelectDefaultValueType.role)
                for role in (old.roles if old is not None else ())
            ],
        )
        self._style = _choice("style", _STYLES, old.style if old is not None else "select")
        self._mode = _choice("mode", _MODES, old.mode if old is not None else "any")
        for text, item in (
            ("Title", self._title),
            ("Text", self._text),
            ("Roles", self._roles),
            ("Style", self._style),
            ("How many may a member have?", self._mode),
        ):
            self.add_item(discord.ui.Label(text=text, component=item))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Hand over the design."""
        roles = [role for role in self._roles.values if isinstance(role, discord.Role)]
        design = Design(
            title=self._title.value.strip() or "Roles",
            text=self._text.value.strip(),
            roles=tuple(role.id for role in roles),
            style=cast("Style", self._style.values[0]),
            mode=cast("Mode", self._mode.values[0]),
            maker=interaction.user.id,
        )
        await self._submit(interaction, design, roles)


def _choice(name: str, labels: dict[str, str], chosen: str) -> discord.ui.Select[Any]:
    return discord.ui.Select(
        custom_id=name,
        options=[
            discord.SelectOption(label=label, value=value, default=value == chosen)
            for value, label in labels.items()
        ],
    )
