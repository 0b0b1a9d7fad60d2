"""The panel of settings: menus and buttons that work in any later life of the bot.

Everything that they need is in their custom ids: what they set, and whose panel it is. What the
presser may do is looked at anew with each press.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.commands.refusals import Refused
from bot.guilds.sections import OFF, ON, Control, Form, Menu, Section, Switch
from bot.plugins.settings import overview
from bot.plugins.settings.menus import remaining, select_of
from bot.plugins.settings.sections import General, Welcoming
from bot.views import forms
from bot.views.page import Page, fitted
from bot.views.pages import embed_of

if TYPE_CHECKING:
    from bot.client import Novera

FIRST = "general"
NOT_YOURS = "This panel is somebody else's. Open your own with `/settings show`."
NOT_ALLOWED = "Only who may manage the server can change its settings."
NOT_LOADED = "That part of the settings is not there at the moment. Open `/settings show` again."


def sections(bot: Novera) -> Mapping[str, Section]:
    """Answer what the panel has: its own sections, and those of plugins that are loaded."""
    own: tuple[Section, ...] = (General(bot), Welcoming(bot))
    others = (getattr(cog, "settings_section", None) for cog in bot.cogs.values())
    return {each.name: each for each in (*own, *others) if each is not None}


class Turner(
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=r"settings:turn:(?P<user>[0-9]{1,20})",
):
    """Turns to another section."""

    def __init__(self, item: discord.ui.Select[Any], user: int) -> None:
        super().__init__(item)
        self._user = user

    @classmethod
    def made(cls, user: int, titles: Mapping[str, str], present: str) -> Self:
        """Answer the menu of sections."""
        options = [
            discord.SelectOption(label=title, value=name, default=name == present)
            for name, title in titles.items()
        ]
        return cls(discord.ui.Select(custom_id=f"settings:turn:{user}", options=options), user)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the menu that was used."""
        return cls(item, int(match["user"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the section."""
        member = allowed(interaction, self._user)
        await show(interaction, member, self.item.values[0])


class Setter(
    discord.ui.DynamicItem[discord.ui.Item[Any]],
    template=r"settings:(?P<section>[a-z]+):(?P<key>[a-z_]+)(?:=(?P<value>on|off))?"
    r":(?P<user>[0-9]{1,20})",
):
    """Sets one thing, or opens the form that does."""

    def __init__(self, item: Any, section: str, key: str, value: str | None, user: int) -> None:
        super().__init__(item)
        self._section, self._key, self._value, self._user = section, key, value, user

    @classmethod
    def made(cls, section: str, control: Control, user: int, guild: discord.Guild) -> Self:
        """Answer the control of a section, with what is set now."""
        value = None
        item: discord.ui.Item[Any]
        if isinstance(control, Switch):
            value = OFF if control.is_on else ON
        custom_id = f"settings:{section}:{control.key}{f'={value}' if value else ''}:{user}"
        if isinstance(control, Menu):
            item = select_of(control, custom_id, guild)
        elif isinstance(control, Switch):
            style = discord.ButtonStyle.success if control.is_on else discord.ButtonStyle.secondary
            label = f"{control.label}: {ON if control.is_on else OFF}"
            item = discord.ui.Button(label=label, custom_id=custom_id, style=style)
        else:
            item = discord.ui.Button(label=control.label, custom_id=custom_id)
        return cls(item, section, control.key, value, user)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        """Answer the control that was used."""
        return cls(item, match["section"], match["key"], match["value"], int(match["user"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Set what was chosen, or open the form with what is set now."""
        member, bot = allowed(interaction, self._user), interaction.client
        section = sections(bot).get(self._section)
        settings = await bot.services.guilds.of(member.guild.id)
        controls = section.controls(settings) if section is not None else ()
        control = next((each for each in controls if each.key == self._key), None)
        if section is None or control is None:
            raise Refused(NOT_LOADED)
        if isinstance(control, Form):
            await interaction.response.send_modal(Asking(self._section, control, self._user))
            return
        values: tuple[str, ...] = (self._value or OFF,)
        if isinstance(control, Menu):
            chosen = [str(getattr(each, "id", each)) for each in self.item.values]  # type: ignore[attr-defined]
            values = (*chosen, *remaining(control, member.guild))
        await section.change(member, control.key, values)
        await show(interaction, member, self._section)


ITEMS = (Turner, Setter)


class Asking(forms.Form):
    """Asks for one text."""

    gives_back = False

    def __init__(self, section: str, form: Form, user: int) -> None:
        super().__init__(form.label)
        self._section, self._key, self._user = section, form.key, user
        self._field: discord.ui.TextInput[Asking] = discord.ui.TextInput(
            custom_id="text",
            style=discord.TextStyle.paragraph if form.is_long else discord.TextStyle.short,
            required=False,
            default=form.text or None,
            max_length=form.longest,
        )
        label = discord.ui.Label(text=form.label, description=form.hint, component=self._field)
        self.add_item(label)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Set what was written, or say what is wrong with it."""
        member = allowed(interaction, self._user)
        section = sections(interaction.client).get(self._section)
        if section is None:
            raise Refused(NOT_LOADED)
        await section.change(member, self._key, (str(self._field.value or ""),))
        await show(interaction, member, self._section)


async def shown(
    bot: Novera, guild: discord.Guild, user: int, section: str = FIRST
) -> tuple[Page, discord.ui.View]:
    """Answer the panel of *user*, turned to *section*."""
    settings, parts = await bot.services.guilds.of(guild.id), sections(bot)
    fields = [field for part in parts.values() for field in part.fields(settings)]
    there = {each.id for each in (*guild.channels, *guild.threads, *guild.roles)}
    page = fitted(overview.page(fields, server=guild.name, there=there))
    present = parts.get(section, parts[FIRST])
    view = discord.ui.View(timeout=None)
    titles = {name: part.title for name, part in parts.items()}
    view.add_item(Turner.made(user, titles, present.name))
    for control in present.controls(settings):
        view.add_item(Setter.made(present.name, control, user, guild))
    return page, view


async def show(interaction: discord.Interaction[Any], member: discord.Member, section: str) -> None:
    """Bring the panel up to date that was used."""
    page, view = await shown(interaction.client, member.guild, member.id, section)
    # A slow one was deferred meanwhile; that is seen to beneath (bot/commands/answers.py).
    await interaction.response.edit_message(embed=embed_of(page), view=view)


def allowed(interaction: discord.Interaction[Any], user: int) -> discord.Member:
    """Answer who presses, if it is the panel's owner and still may.

    Raises:
        Refused: it is not, or may not any more.
    """
    member = interaction.user
    if member.id != user:
        raise Refused(NOT_YOURS)
    if not isinstance(member, discord.Member) or not interaction.permissions.manage_guild:
        raise Refused(NOT_ALLOWED)
    return member
